// Light, dark, or as the system has it; kept in this browser.

import { at, say } from "./dom.js";

const KEPT_AS = "segue-theme";
const NEXT = { system: "light", light: "dark", dark: "system" };

/** Shows the theme that was chosen, and prepares the button that chooses. */
export function prepareTheme() {
  show(localStorage.getItem(KEPT_AS) ?? "system");
  at("theme").addEventListener("click", () => {
    const next = NEXT[document.documentElement.dataset.theme] ?? "light";
    localStorage.setItem(KEPT_AS, next);
    show(next);
  });
}

function show(theme) {
  document.documentElement.dataset.theme = theme;
  say(at("theme"), `◐ ${{ light: "Light", dark: "Dark" }[theme] ?? "Auto"}`);
  at("theme").setAttribute("aria-label", `Theme: ${theme}`);
}
