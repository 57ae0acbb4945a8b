// The releases: where each stands and why, what it holds, and what may be done to it.

import { actionsFor } from "./actions.js";
import { ageS } from "./clock.js";
import { at, h, put } from "./dom.js";
import { bytes, count, date, dateAndTime, figure, plain, setShare, span, timeOfDay } from "./format.js";
import { openMenu } from "./menu.js";
import { role } from "./session.js";
import { isMoving, isWhole, ordered, pill, standingOf } from "./standing.js";
import { sharesOf } from "./trial.js";

/** Rows shown before the rest is asked for. */
const ROWS_FIRST = 8;
/** Looks of actions that have a button of their own. */
const BUTTONS = ["primary", "strong"];

const view = { open: new Set(), all: false, drawn: null };
let last = null;

/** Shows the releases; draws only what is not shown already, so that nobody's focus or reading place is lost. */
export function showReleases(releases, trial, done) {
  last = { releases, trial, done };
  const wanted = JSON.stringify([releases, sharesOf(trial, trial?.release), role()]);
  if (view.drawn !== wanted) draw(wanted);
  ages();
}

function draw(wanted) {
  view.drawn = wanted;
  const focused = document.activeElement?.dataset?.key;
  const { releases } = last;
  const entries = ordered(releases);
  const shown = view.all ? entries : entries.slice(0, ROWS_FIRST);
  put(
    at("releases"),
    h(
      "header",
      { class: "card-head" },
      h("h2", { id: "releases-title" }, "Releases"),
      h("p", { class: "aside" }, summary(releases)),
    ),
    entries.length === 0 ? empty() : h("ol", { class: "rows" }, shown.map(row)),
    entries.length > shown.length &&
      h(
        "button",
        { type: "button", class: "quiet more", "data-key": "all", onclick: showAll },
        `Show ${entries.length - shown.length} more`,
      ),
  );
  if (focused)
    at("releases")
      .querySelector(`[data-key="${CSS.escape(focused)}"]`)
      ?.focus();
}

function redraw() {
  draw(view.drawn);
  ages();
}

function showAll() {
  view.all = true;
  redraw();
}

function summary({ releases, models, pinned, declined }) {
  const parts = [
    `${count(releases.length)} in the store`,
    models.length > 0 && `${count(models.length)} ${models.length === 1 ? "model" : "models"}`,
    pinned && `pinned to ${pinned}`,
    declined && `${declined} was rolled back from`,
  ];
  return parts.filter(Boolean).join(" · ");
}

function empty() {
  return h(
    "div",
    { class: "blank" },
    h("p", {}, "The store holds no release yet."),
    h("pre", {}, `segue push RELEASE --to ${location.origin}`),
  );
}

function row(entry) {
  const { releases, trial, done } = last;
  const standing = standingOf(entry, releases);
  const open = view.open.has(entry.version);
  const actions = actionsFor(entry, releases, trial, done);
  const details = `details-${entry.version}`;
  return h(
    "li",
    { class: `row ${standing}`, "data-version": entry.version, "data-blocked": role() === "reader" },
    h(
      "div",
      { class: "row-line" },
      h("div", { class: "row-standing" }, pill(standing), since(entry)),
      h(
        "div",
        { class: "row-name" },
        h(
          "button",
          {
            type: "button",
            class: "version",
            "aria-expanded": String(open),
            "aria-controls": open ? details : null,
            "data-key": `open ${entry.version}`,
            onclick: () => toggle(entry),
          },
          entry.version,
        ),
        tags(entry, releases, trial),
        h("p", { class: "aside" }, gist(entry, standing)),
      ),
      h("div", { class: "row-actions" }, buttons(entry, actions)),
    ),
    entry.reason && reason(entry.reason, standing),
    progress(entry, standing),
    open && h("div", { class: "row-details", id: details }, unfolded(entry, releases)),
  );
}

function toggle({ version }) {
  if (!view.open.delete(version)) view.open.add(version);
  redraw();
}

function since({ since_unix_s: sinceUnixS }) {
  return sinceUnixS ? h("time", { class: "aside", "data-since": sinceUnixS, title: dateAndTime(sinceUnixS) }) : null;
}

/** Brings the ages up to date, without drawing anything anew. */
function ages() {
  for (const element of document.querySelectorAll("[data-since]")) {
    element.textContent = span(ageS(Number(element.dataset.since))) + (element.dataset.after ?? "");
  }
}

function tags({ version }, { pinned, declined, serving, current }, trial) {
  const { canary, shadow } = sharesOf(trial, version);
  return [
    version === pinned && h("span", { class: "tag" }, "pinned"),
    version === declined &&
      h("span", { class: "tag warn", title: "somebody rolled back from it; pulls leave it alone" }, "declined"),
    version === current &&
      version !== serving &&
      h("span", { class: "tag warn", title: "the store points at it, and it does not serve" }, "wanted"),
    canary > 0 && h("span", { class: "tag trial" }, `canary ${setShare(canary)}`),
    shadow > 0 && h("span", { class: "tag trial" }, `shadow ${setShare(shadow)}`),
  ];
}

function gist({ facts }, standing) {
  if (!facts) return isWhole(standing) ? "its manifest cannot be read" : "on its way";
  const parts = [
    facts.data_window && `data to ${date(facts.data_window.to_unix_s)}`,
    `${count(facts.histories)} histories`,
    bytes(facts.bytes),
    facts.model ? `model ${facts.model}` : "no model",
  ];
  return parts.filter(Boolean).join(" · ");
}

/** The likeliest action as a button, the rest in a menu. */
function buttons(entry, actions) {
  const inRow = actions.filter(({ look }) => BUTTONS.includes(look));
  const rest = actions.filter(({ look }) => !BUTTONS.includes(look));
  return [
    inRow.map(({ label, look, run, blocked }) =>
      h(
        "button",
        {
          type: "button",
          class: look,
          disabled: Boolean(blocked),
          title: blocked,
          "data-key": `${label} ${entry.version}`,
          onclick: run,
        },
        label,
      ),
    ),
    rest.length > 0 &&
      h(
        "button",
        {
          type: "button",
          class: "dots",
          "aria-haspopup": "menu",
          "aria-expanded": "false",
          "aria-label": `More for ${entry.version}`,
          "data-key": `more ${entry.version}`,
          onclick: (event) => openMenu(event.currentTarget, rest),
        },
        "⋯",
      ),
  ];
}

function reason({ class: word, text }, standing) {
  return h("p", { class: `reason ${standing}` }, h("b", {}, plain(word)), text);
}

function progress({ fetched, version }, standing) {
  if (!isMoving(standing)) return null;
  const label = `${standing} ${version}`;
  if (standing !== "fetching" || !fetched) return h("progress", { "aria-label": label });
  return h(
    "div",
    { class: "fetched" },
    h("progress", { "aria-label": label, value: fetched.bytes, max: Math.max(1, fetched.bytes_total) }),
    h("span", { class: "aside" }, `${bytes(fetched.bytes)} of ${bytes(fetched.bytes_total)}`),
  );
}

function unfolded({ version, facts, steps }, releases) {
  const serving = releases.releases.find((other) => other.version === releases.serving && other.version !== version);
  return [
    facts &&
      h(
        "dl",
        { class: "facts wide" },
        factsOf(facts).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
      ),
    facts && qualityOf(facts.quality, serving?.facts?.quality),
    steps.length > 0 &&
      h(
        "div",
        {},
        h("h3", {}, "Steps"),
        h(
          "ol",
          { class: "steps" },
          steps.map((step) =>
            h(
              "li",
              { title: dateAndTime(step.at_unix_s) },
              step.standing,
              h("span", { class: "aside" }, timeOfDay(step.at_unix_s)),
            ),
          ),
        ),
      ),
  ];
}

function factsOf(facts) {
  const window = facts.data_window;
  const rows = [
    ["made", facts.created_unix_s && dateAndTime(facts.created_unix_s)],
    ["data", window && `${date(window.from_unix_s)} to ${date(window.to_unix_s)}`],
    ["histories", `${count(facts.histories)}, up to ${facts.depth} of ${count(facts.clusters)} clusters`],
    ["size", bytes(facts.bytes)],
    ["model", facts.model ?? "none"],
    ["catalogue", facts.catalogue],
    ["snapshot", facts.snapshot],
  ];
  return rows.filter(([, value]) => value);
}

/** The figures of quality, beside those of what serves. */
function qualityOf(quality, beside) {
  const names = Object.keys(quality);
  if (names.length === 0) return null;
  const head = h(
    "tr",
    {},
    h("th", { scope: "col" }, "Quality"),
    h("th", { scope: "col" }, "this"),
    beside && h("th", { scope: "col" }, "serving"),
  );
  const line = (name) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, plain(name)),
      h("td", {}, figure(quality[name])),
      beside && h("td", {}, name in beside ? figure(beside[name]) : "–"),
    );
  return h("table", { class: "quality" }, h("thead", {}, head), h("tbody", {}, names.map(line)));
}
