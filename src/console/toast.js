// Says what a change led to, for a while and to screen readers too.

import { at, h } from "./dom.js";

const SHOWN_MS = 7000;

/** Shows a line. */
export function toast(text) {
  const line = h("p", {}, text);
  at("toasts").append(line);
  setTimeout(() => line.remove(), SHOWN_MS);
}
