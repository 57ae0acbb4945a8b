// One menu for all rows: opened beside the button that asked for it, and closed by a choice, Escape or a click elsewhere.

import { at, h, put } from "./dom.js";

let opener = null;
let openerTop = 0;

/** Opens the menu under a button. `items` are `{ label, run, look, blocked }`; what is blocked says why. */
export function openMenu(button, items) {
  const menu = at("menu");
  opener = button;
  put(
    menu,
    items.map((item) => entry(menu, item)),
  );
  menu.showPopover();
  openerTop = button.getBoundingClientRect().top;
  place(menu, button.getBoundingClientRect());
  button.setAttribute("aria-expanded", "true");
  menu.querySelector("button:not(:disabled)")?.focus();
}

/** Prepares the menu's keys. */
export function prepareMenu() {
  const menu = at("menu");
  menu.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Tab") menu.hidePopover();
    if (step === undefined) return;
    event.preventDefault();
    const items = [...menu.querySelectorAll("button:not(:disabled)")];
    items.at((items.indexOf(document.activeElement) + step) % items.length)?.focus();
  });
  menu.addEventListener("toggle", (event) => {
    if (event.newState === "open") return;
    opener?.setAttribute("aria-expanded", "false");
    if (document.activeElement === document.body || menu.contains(document.activeElement)) opener?.focus();
  });
  addEventListener("scroll", () => movedAway() && menu.hidePopover(), { passive: true });
}

/** Whether the button has left the place beside which the menu stands. */
function movedAway() {
  return opener !== null && opener.getBoundingClientRect().top !== openerTop;
}

function entry(menu, { label, run, look, blocked }) {
  const choose = () => {
    menu.hidePopover();
    opener?.focus();
    run();
  };
  return h(
    "button",
    {
      type: "button",
      role: "menuitem",
      class: look === "danger" ? "danger-text" : null,
      disabled: Boolean(blocked),
      title: blocked || null,
      onclick: choose,
    },
    label,
    blocked && h("small", {}, blocked),
  );
}

function place(menu, box) {
  const right = Math.max(8, document.documentElement.clientWidth - box.right);
  const below = box.bottom + menu.offsetHeight + 8 < innerHeight;
  menu.style.setProperty("right", `${right}px`);
  menu.style.setProperty("top", below ? `${box.bottom + 4}px` : `${Math.max(8, box.top - menu.offsetHeight - 4)}px`);
}
