// A field that completes what is typed, after the ARIA pattern of a combobox with a list.

import { h, put } from "./dom.js";

/** Time without a key before the list is asked for. */
const PAUSE_MS = 120;

/** A field. `search(text)` gives `{ value, label, note, more }`; `choose(value)` takes one; `erase()` is Backspace in an empty field. */
export function combobox({ search, choose, erase }) {
  const list = h("ul", { class: "list", id: "clusters", role: "listbox", "aria-label": "Clusters", hidden: true });
  const input = h("input", {
    type: "text",
    role: "combobox",
    placeholder: "Add a cluster by name, keyword or id",
    "aria-label": "Add a cluster to the history",
    "aria-controls": "clusters",
    "aria-expanded": "false",
    "aria-autocomplete": "list",
    autocomplete: "off",
    spellcheck: "false",
  });
  const state = { found: [], at: -1, timer: 0, asked: 0 };

  const close = () => {
    clearTimeout(state.timer);
    state.asked += 1;
    list.hidden = true;
    list.replaceChildren();
    state.at = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const take = (place) => {
    const found = state.found[place];
    if (!found) return;
    input.value = "";
    close();
    choose(found.value);
    input.focus();
  };
  const mark = (place) => {
    state.at = place;
    [...list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === place)));
    input.setAttribute("aria-activedescendant", `cluster-${place}`);
    list.children[place]?.scrollIntoView({ block: "nearest" });
  };
  const open = async () => {
    clearTimeout(state.timer);
    const asked = ++state.asked;
    const found = await search(input.value).catch(() => []);
    if (asked !== state.asked || document.activeElement !== input) return;
    state.found = found;
    put(
      list,
      found.map((one, place) => option(one, place, take)),
      found.length === 0 && h("li", { class: "hint", role: "presentation" }, "No cluster fits."),
    );
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    if (found.length > 0 && input.value !== "") mark(0);
  };
  const keys = {
    ArrowDown: () => (list.hidden ? open() : mark((state.at + 1) % Math.max(1, state.found.length))),
    ArrowUp: () => mark((state.at - 1 + state.found.length) % Math.max(1, state.found.length)),
    // Whoever types faster than the list comes means its first line.
    Enter: async () => {
      if (list.hidden) await open();
      take(Math.max(0, state.at));
    },
    Escape: close,
  };
  input.addEventListener("keydown", (event) => {
    if (event.key === "Backspace" && input.value === "") erase();
    const act = keys[event.key];
    if (!act || (event.key === "Enter" && input.value === "" && list.hidden)) return;
    event.preventDefault();
    act();
  });
  input.addEventListener("input", () => {
    clearTimeout(state.timer);
    state.timer = setTimeout(open, PAUSE_MS);
  });
  input.addEventListener("click", () => list.hidden && open());
  input.addEventListener("blur", close);
  return h("div", { class: "combobox" }, input, list);
}

function option({ label, note, more }, place, take) {
  // Before the field loses its focus, and with it the list.
  const onpointerdown = (event) => {
    event.preventDefault();
    take(place);
  };
  return h(
    "li",
    { role: "option", id: `cluster-${place}`, "aria-selected": "false", onpointerdown },
    h("span", { class: "name" }, label),
    h("span", { class: "aside" }, note),
    more && h("small", {}, more),
  );
}
