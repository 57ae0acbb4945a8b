// The trial: how the staged release fares beside what serves, while one is on.

import { at, h, put } from "./dom.js";
import { count, duration, share } from "./format.js";

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
      trial.canary_share > 0 && mode("Canary", `${share(trial.canary_share)} of traffic is answered by it`, trial.canary, []),
      trial.shadow_share > 0 && mode("Shadow", `${share(trial.shadow_share)} of questions are answered by both`, trial.shadow, agreement(trial))));
}

function agreement({ compared, top1_agreement: top1, overlap }) {
  return [
    ["compared", count(compared)],
    ["same first candidate", top1 === null ? "–" : share(top1)],
    ["candidates in common", overlap === null ? "–" : share(overlap)],
  ];
}

function mode(title, text, arms, more) {
  const rows = [
    ["answers", ({ answers }) => count(answers)],
    ["sources", bar],
    ["degraded", (arm) => part(arm.degraded, arm.answers)],
    ["errors", (arm) => part(arm.errors, arm.answers + arm.errors)],
    ["50 % within", (arm) => time(arm.duration_p50_s)],
    ["99 % within", (arm) => time(arm.duration_p99_s)],
  ];
  const names = { current: "serving", trial: "trial" };
  return h("div", { class: "mode" },
    h("h3", {}, title), h("p", { class: "hint" }, text),
    h("table", { class: "arms" },
      h("thead", {}, h("tr", {}, h("td", {}), arms.map(({ arm }) => h("th", { scope: "col" }, names[arm] ?? arm)))),
      h("tbody", {}, rows.map(([name, of]) => h("tr", {}, h("th", { scope: "row" }, name), arms.map((arm) => h("td", {}, of(arm))))))),
    more.length > 0 && h("dl", { class: "agreement" }, more.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))));
}

function bar({ sources, answers }) {
  if (answers === 0) return "–";
  const text = SOURCES.filter((source) => sources[source] > 0).map((source) => `${source} ${share(sources[source] / answers)}`).join(", ");
  return h("span", { class: "sources", role: "img", "aria-label": text, title: text },
    SOURCES.map((source) => h("span", { class: source, style: { flex: `${sources[source] ?? 0} 0 0` } })));
}

const part = (some, all) => (all === 0 ? "–" : share(some / all));
const time = (seconds) => (seconds === null ? "–" : duration(seconds));
