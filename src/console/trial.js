// The trial: how the staged release fares beside what serves, while one is on.

import { at, h, put } from "./dom.js";
import { count, duration, setShare, share } from "./format.js";

const SOURCES = ["table", "suffix", "model", "popular"];

/** Shows the trial, or nothing where none is on. */
export function showTrial(trial, releases) {
  const on = trial !== null && (trial.canary_share > 0 || trial.shadow_share > 0);
  at("trial").hidden = !on;
  if (!on) return;
  put(at("trial"),
    h("header", { class: "card-head" },
      h("h2", { id: "trial-title" }, "Trial of ", h("span", { class: "version" }, trial.release)),
      h("p", { class: "aside" }, `beside ${releases.serving ?? "nothing"}`)),
    h("div", { class: "modes" },
      trial.canary_share > 0 && mode("Canary", `${setShare(trial.canary_share)} of traffic is answered by it`, trial.canary, []),
      trial.shadow_share > 0 && mode("Shadow", `${setShare(trial.shadow_share)} of questions are answered by both`, trial.shadow, agreement(trial))));
}

function agreement({ compared, top1_agreement: top1, overlap }) {
  return [
    ["compared", count(compared)],
    ["same first candidate", top1 === null ? "–" : share(top1)],
    ["candidates in common", overlap === null ? "–" : share(overlap)],
  ];
}

/** Rows of the comparison: a name, the number that is compared (lower is better), and how it is written. */
const ROWS = [
  ["degraded", (arm) => ratio(arm.degraded, arm.answers), share],
  ["errors", (arm) => ratio(arm.errors, arm.answers + arm.errors), share],
  ["p50", (arm) => arm.duration_p50_s, duration],
  ["p99", (arm) => arm.duration_p99_s, duration],
];
/** From here on a difference is more than chance on a busy machine, and is coloured. */
const WORSE = 1.25;

function mode(title, text, arms, more) {
  const names = { current: "serving", trial: "trial" };
  const line = (name, cells) => h("tr", {}, h("th", { scope: "row" }, name), cells);
  return h("div", { class: "mode" },
    h("h3", {}, title), h("p", { class: "hint" }, text),
    h("table", { class: "arms" },
      h("thead", {}, h("tr", {}, h("td", {}), arms.map(({ arm }) => h("th", { scope: "col" }, names[arm] ?? arm)))),
      h("tbody", {},
        line("answers", arms.map(({ answers }) => h("td", {}, count(answers)))),
        line("sources", arms.map((arm) => h("td", {}, bar(arm)))),
        ROWS.map(([name, of, written]) => line(name, arms.map((arm) => cell(of(arm), of(arms[0]), written)))))),
    more.length > 0 && h("dl", { class: "agreement" }, more.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))));
}

function cell(value, beside, written) {
  if (value === null || value === undefined) return h("td", {}, "–");
  const worse = beside !== null && beside !== undefined && value > beside * WORSE;
  return h("td", { class: worse ? "worse" : null }, written(value));
}

function bar({ sources, answers }) {
  if (answers === 0) return "–";
  const text = SOURCES.filter((source) => sources[source] > 0).map((source) => `${source} ${share(sources[source] / answers)}`).join(", ");
  return h("span", { class: "sources", role: "img", "aria-label": text, title: text },
    SOURCES.map((source) => h("span", { class: source, style: { flex: `${sources[source] ?? 0} 0 0` } })));
}

const ratio = (some, all) => (all === 0 ? null : some / all);
