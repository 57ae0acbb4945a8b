// Makes elements. Text only ever becomes text: nothing here, or anywhere in the page, writes markup from a string.

const SVG = "http://www.w3.org/2000/svg";

/** An element: `h("p", { class: "x", onclick }, "text", child)`. Children that are null or false are left out. */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for a drawing. */
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

/** A sentence in which every name stands out: words`${name} serves`. What is in a list stands as plain text. */
export function words(texts, ...names) {
  const shown = names.map((name) => (Array.isArray(name) ? name : h("code", {}, name)));
  return texts.flatMap((text, place) => [text, shown[place] ?? []]);
}

/** Gives an element other children. */
export function put(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter(present));
  return element;
}

/** The element with an id. */
export function at(id) {
  return document.getElementById(id);
}

/** Sets a text only where it differs, so that a screen reader is not told the same again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) set(element, name, value);
  element.append(...children.flat(Infinity).filter(present));
  return element;
}

function set(element, name, value) {
  if (!present(value)) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "style") Object.entries(value).forEach(([key, of]) => element.style.setProperty(key, of));
  else element.setAttribute(name, value === true ? "" : value);
}

function present(value) {
  return value !== null && value !== undefined && value !== false;
}
