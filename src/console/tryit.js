// The try-it box: a history, and what the releases in memory answer to it, side by side.

import { combobox } from "./combobox.js";
import { at, h, put, say } from "./dom.js";
import { read } from "./door.js";
import { plain, share } from "./format.js";
import { withToken } from "./session.js";

const LIMITS = [5, 10, 20];

const view = { history: [], names: new Map(), asking: null, releases: null };
let parts = null;

/** Prepares the box, and tries the empty history: the popular list. */
export function prepareTry() {
  const chips = h("ol", { class: "chips", "aria-label": "History, oldest first" });
  const input = combobox({ search, choose: add, erase: () => remove(view.history.length - 1) });
  const limit = h(
    "select",
    { name: "limit", onchange: ask },
    LIMITS.map((value) => h("option", { value, selected: value === 10 }, `${value} candidates`)),
  );
  const novel = h("input", { type: "checkbox", name: "novel", onchange: ask });
  const clear = h("button", { type: "button", class: "quiet", onclick: () => setHistory([]) }, "Clear");
  const outcome = h("div", { class: "outcome" });
  const state = h("p", { class: "sr", role: "status" });
  parts = { chips, limit, novel, outcome, state, clear, input: input.querySelector("input") };
  put(
    at("try"),
    h(
      "header",
      { class: "card-head" },
      h("h2", { id: "try-title" }, "Try it"),
      h("p", { class: "aside" }, "what a history is answered; counted nowhere"),
    ),
    h(
      "div",
      { class: "question" },
      h("div", { class: "history" }, chips, input),
      h("div", { class: "options" }, limit, h("label", { class: "check" }, novel, "novel only"), clear),
    ),
    state,
    outcome,
  );
  draw();
}

/** Asks again where what serves or is staged has changed. */
export function retry(releases) {
  const wanted = `${releases.serving} ${releases.staged}`;
  if (view.releases === wanted) return;
  view.releases = wanted;
  if (releases.serving) ask();
  else put(parts.outcome, h("p", { class: "blank" }, "Nothing serves that could answer."));
}

async function search(query) {
  const { clusters } = await withToken(() => read(`/admin/v1/clusters?query=${encodeURIComponent(query)}`));
  clusters.forEach(({ id, name }) => view.names.set(id, name));
  return clusters.map(({ id, name, keywords }) => ({
    value: id,
    label: name,
    note: `${id}`,
    more: keywords.join(", ") === name ? "" : keywords.join(", "),
  }));
}

const add = (id) => setHistory([...view.history, id]);
const remove = (place) => setHistory(view.history.filter((_, other) => other !== place));

function setHistory(history) {
  view.history = history;
  draw();
  ask();
}

function draw() {
  parts.clear.hidden = view.history.length === 0;
  put(
    parts.chips,
    view.history.map((id, place) =>
      h(
        "li",
        {},
        h(
          "button",
          {
            type: "button",
            class: "chip",
            "aria-label": `Remove ${view.names.get(id) ?? id}`,
            title: view.names.get(id),
            onclick: () => drop(place),
          },
          h("span", { class: "aside" }, `${id}`),
          h("span", { class: "name" }, view.names.get(id) ?? ""),
          h("span", { "aria-hidden": "true" }, "×"),
        ),
      ),
    ),
  );
}

function drop(place) {
  remove(place);
  (parts.chips.querySelectorAll("button")[Math.max(0, place - 1)] ?? parts.input).focus();
}

async function ask() {
  view.asking?.abort();
  view.asking = new AbortController();
  const query = new URLSearchParams({
    history: view.history.join(","),
    limit: parts.limit.value,
    exclude_history: String(parts.novel.checked),
  });
  try {
    show(await read(`/admin/v1/lookup?${query}`, { signal: view.asking.signal }));
  } catch (error) {
    if (error.name === "AbortError") return;
    put(parts.outcome, h("p", { class: "notice" }, error.message));
  }
}

function show({ current, staged }) {
  const places = new Map(current.candidates.map(({ cluster }, place) => [cluster, place]));
  put(parts.outcome, answer("Serving", current, null), staged && answer("Staged", staged, places));
  parts.outcome.classList.toggle("two", Boolean(staged));
  say(parts.state, `${current.candidates.length} candidates from ${current.source}`);
}

function answer(title, { candidates, source, matched, ignored, degraded, release }, places) {
  const best = Math.max(...candidates.map(({ score }) => score), 0.000_01);
  return h(
    "section",
    { class: "answer", "aria-label": `${title} ${release}` },
    h("h3", {}, title, h("span", { class: "version" }, release)),
    h(
      "p",
      { class: "hint" },
      h("span", { class: `key ${source}` }),
      how(source, matched),
      degraded && h("span", { class: "tag warn" }, plain(degraded)),
      ignored.length > 0 && h("span", { class: "tag warn" }, `not in the catalogue: ${ignored.join(", ")}`),
    ),
    candidates.length === 0
      ? h("p", { class: "blank" }, "Nothing is left after the filters.")
      : h(
          "ol",
          { class: "candidates" },
          candidates.map((one, place) => candidate(one, place, best, places)),
        ),
  );
}

function how(source, matched) {
  if (source === "popular") return "popular: the list for everyone";
  const names = matched.map((id) => view.names.get(id) ?? id).join(" → ");
  return source === "model" ? `model, read ${names}` : `${source} for ${names}`;
}

function candidate({ cluster, name, score, source }, place, best, places) {
  return h(
    "li",
    {},
    h("span", { class: "rank" }, `${place + 1}`),
    h(
      "span",
      { class: "what", title: name },
      h("span", { class: "name" }, name),
      h("span", { class: "aside" }, `${cluster}`),
    ),
    places && moved(place, places.get(cluster)),
    h(
      "span",
      { class: "score" },
      h("span", { class: `fill ${source}`, style: { "--part": score / best } }),
      h("span", {}, score.toFixed(4)),
    ),
    h("span", { class: `source ${source}` }, source),
  );
}

/** How far a candidate stands from where the serving release has it. */
function moved(place, before) {
  if (before === undefined) return h("span", { class: "moved new" }, "new");
  if (before === place) return h("span", { class: "moved", "aria-label": "same place" }, "=");
  const up = before > place;
  return h(
    "span",
    { class: `moved ${up ? "up" : "down"}`, "aria-label": `${Math.abs(before - place)} places ${up ? "up" : "down"}` },
    `${up ? "▲" : "▼"}${Math.abs(before - place)}`,
  );
}
