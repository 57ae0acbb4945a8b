// The trial: how the staged release fares beside what serves, while one is on.

import { ageS } from "./clock.js";
import { at, h, put } from "./dom.js";
import { count, duration, setShare, share, span } from "./format.js";

const SOURCES = ["table", "suffix", "model", "popular"];
/** Rows of a comparison: a name, the number that is compared (lower is better), and how it is written. */
const ROWS = [
  ["degraded", ({ degraded, answers }) => (answers > 0 ? degraded : null), share],
  ["errors", ({ errors, answers }) => (answers + errors > 0 ? errors / (answers + errors) : null), share],
  ["p50", ({ p50_s: seconds }) => seconds, duration],
  ["p99", ({ p99_s: seconds }) => seconds, duration],
  ["p99.9", ({ p999_s: seconds }) => seconds, duration],
];
/** From here on a difference is more than chance on a busy machine, and is coloured. */
const WORSE = 1.25;

/** The shares that a trial has of a release, from 0 to 1. */
export function sharesOf(trial, version) {
  const mine = trial?.release === version ? trial : null;
  return { canary: mine?.canary?.share ?? 0, shadow: mine?.shadow?.share ?? 0 };
}

/** Shows the trial, or nothing where none is on. */
export function showTrial(trial) {
  const { canary, shadow } = trial ?? {};
  at("trial").hidden = !canary && !shadow;
  if (at("trial").hidden) return;
  put(
    at("trial"),
    h(
      "header",
      { class: "card-head" },
      h("h2", { id: "trial-title" }, "Trial of ", h("span", { class: "version" }, trial.release)),
      h("p", { class: "aside" }, `beside ${trial.current} for ${span(ageS(trial.since_unix_s))}`),
    ),
    h(
      "div",
      { class: "modes" },
      canary && mode("Canary", canaryText(canary), canary, []),
      shadow && mode("Shadow", shadowText(shadow), shadow, agreement(shadow)),
    ),
  );
}

function canaryText({ share: part, baked_s: bakedS }) {
  return part > 0
    ? `${setShare(part)} of callers are answered by it, for ${span(bakedS)}`
    : "No caller is answered by it any more.";
}

function shadowText({ share: part, dropped }) {
  const text = part > 0 ? `${setShare(part)} of questions are answered by both` : "No question is sampled any more";
  return dropped > 0 ? `${text}; ${count(dropped)} were left out, for want of time` : text;
}

function agreement({ compared, top1_agreement: top1, overlap }) {
  return [
    ["compared", count(compared)],
    ["same first candidate", top1 === null ? "–" : share(top1)],
    ["candidates in common", overlap === null ? "–" : share(overlap)],
  ];
}

function mode(title, text, { current, trial }, more) {
  const arms = [current, trial];
  const line = (name, cells) => h("tr", {}, h("th", { scope: "row" }, name), cells);
  return h(
    "div",
    { class: "mode" },
    h("h3", {}, title),
    h("p", { class: "hint" }, text),
    h(
      "table",
      { class: "arms" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("td", {}),
          ["serving", "trial"].map((name) => h("th", { scope: "col" }, name)),
        ),
      ),
      h(
        "tbody",
        {},
        line(
          "answers",
          arms.map(({ answers }) => h("td", {}, count(answers))),
        ),
        line(
          "sources",
          arms.map((arm) => h("td", {}, bar(arm))),
        ),
        ROWS.map(([name, of, written]) =>
          line(name, [cell(of(current), null, written), cell(of(trial), of(current), written)]),
        ),
      ),
    ),
    more.length > 0 &&
      h(
        "dl",
        { class: "agreement" },
        more.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
      ),
  );
}

/** A number, in colour where it is plainly above the one `beside` it. */
function cell(value, beside, written) {
  if (value === null) return h("td", {}, "–");
  const worse = beside !== null && value > beside * WORSE;
  return h("td", { class: worse ? "worse" : null }, written(value));
}

function bar({ sources, answers }) {
  if (answers === 0) return "–";
  const text = SOURCES.filter((source) => sources[source] > 0)
    .map((source) => `${source} ${share(sources[source])}`)
    .join(", ");
  return h(
    "span",
    { class: "sources", role: "img", "aria-label": text, title: text },
    SOURCES.map((source) => h("span", { class: source, style: { flex: `${sources[source] ?? 0} 0 0` } })),
  );
}
