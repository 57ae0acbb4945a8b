// What the words for where a release stands look like, and the order in which releases are shown.

import { h } from "./dom.js";

const LOOKS = {
  current: "good",
  canary: "trial",
  shadow: "trial",
  staged: "trial",
  fetching: "moving",
  verifying: "moving",
  loading: "moving",
  warming: "moving",
  checking: "moving",
  previous: "quiet",
  failed: "bad",
  quarantined: "bad",
};

const ORDER = [
  "current",
  "canary",
  "shadow",
  "staged",
  "checking",
  "warming",
  "loading",
  "verifying",
  "fetching",
  "previous",
  "failed",
  "quarantined",
  "retired",
  "stored",
];

/** Where an entry stands; a release that lies in the store and was never looked at is `stored`. */
export function standingOf(entry, releases) {
  if (entry.standing) return entry.standing;
  if (entry.version === releases.serving) return "current";
  return entry.version === releases.previous ? "previous" : "stored";
}

/** The word, as a pill. */
export function pill(standing) {
  return h("span", { class: `pill ${LOOKS[standing] ?? "faint"}` }, h("span", { class: "dot" }), standing);
}

/** Whether it is on its way and will stand elsewhere soon. */
export const isMoving = (standing) => LOOKS[standing] === "moving";

/** Whether its files are here. */
export const isWhole = (standing) => standing !== "fetching";

/** The entries in the order in which they matter: what serves first, what lies in the store last and newest first. */
export function ordered(releases) {
  const place = (entry) => ORDER.indexOf(standingOf(entry, releases));
  const newest = (one, other) => (made(other) ?? 0) - (made(one) ?? 0) || other.version.localeCompare(one.version);
  return [...releases.releases].sort((one, other) => place(one) - place(other) || newest(one, other));
}

const made = (entry) => entry.facts?.created_unix_s;
