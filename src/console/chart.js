// Draws the last minutes: areas that stand on each other, and lines on a logarithmic scale. It knows no metric's name.

import { h, put, svg } from "./dom.js";

/** Seconds that a chart shows. */
export const SHOWN_S = 300;

const WIDTH = 600;
const HEIGHT = 120;
/** A longer silence between two points is shown as one. */
const GAP_MS = 3500;

/** A chart: its frame, drawn once; `draw(spans, nowMs)` fills it. `lines` is what `areas` or `logLines` gives. */
export function chart(label, lines, describe) {
  const plot = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const scale = h("div", { class: "scale", "aria-hidden": "true" });
  const mark = h("div", { class: "mark", hidden: true });
  const note = h("div", { class: "note", hidden: true });
  const field = h("div", { class: "field-of-view" }, plot, mark, note);
  const ends = h(
    "div",
    { class: "ends", "aria-hidden": "true" },
    h("span", {}, `${SHOWN_S / 60} min ago`),
    h("span", {}, "now"),
  );
  const frame = h("div", { class: "chart", role: "img", "aria-label": label }, field, scale, ends);
  const shown = { spans: [], nowMs: 0 };
  frame.addEventListener("pointermove", (event) => point(event, { field, mark, note, shown, describe }));
  frame.addEventListener("pointerleave", () => [mark, note].forEach((element) => (element.hidden = true)));
  const draw = (spans, nowMs) => {
    Object.assign(shown, { spans, nowMs });
    const { paths, ticks } = lines(runs(spans), (at) => WIDTH * (1 - (nowMs - at) / (SHOWN_S * 1000)));
    frame.toggleAttribute("data-empty", paths.length === 0);
    plot.replaceChildren(...ticks.map(rule), ...paths);
    put(
      scale,
      ticks.map(({ y, text }) => h("span", { style: { top: `${(y / HEIGHT) * 100}%` } }, text)),
    );
  };
  return { element: frame, draw };
}

/** Areas that stand on each other. `series` names each with its class and its value of a span. */
export function areas(series, unit) {
  return (runsOfSpans, x) => {
    const total = (span) => series.reduce((sum, { value }) => sum + value(span), 0);
    const most = Math.max(0, ...runsOfSpans.flat().map(total));
    if (most === 0) return { paths: [], ticks: [] };
    const top = ceiling(Math.max(1, most));
    const y = (value) => HEIGHT - (value / top) * (HEIGHT - 6);
    const paths = runsOfSpans.flatMap((spans) => stack(spans, series, x, y));
    return { paths, ticks: [0.5, 1].map((part) => ({ y: y(top * part), text: unit(top * part) })) };
  };
}

/** Lines on a logarithmic scale of decades. */
export function logLines(series, unit) {
  return (runsOfSpans, x) => {
    const values = runsOfSpans
      .flat()
      .flatMap((span) => series.map(({ value }) => value(span)))
      .filter(Boolean);
    if (values.length === 0) return { paths: [], ticks: [] };
    const low = Math.floor(Math.log10(Math.min(...values)));
    const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
    const y = (value) => HEIGHT - 1 - ((Math.log10(value) - low) / (high - low)) * (HEIGHT - 8);
    const line = (spans, { name, value }) => {
      const points = spans
        .filter((span) => value(span))
        .map((span) => `${x(span.at_unix_ms).toFixed(1)},${y(value(span)).toFixed(1)}`);
      return svg("polyline", { class: `line ${name}`, points: points.join(" ") });
    };
    const decades = Array.from({ length: high - low + 1 }, (_, step) => 10 ** (low + step));
    const paths = runsOfSpans.flatMap((spans) => series.map((one) => line(spans, one)));
    return { paths, ticks: decades.map((value) => ({ y: y(value), text: unit(value) })) };
  };
}

function stack(spans, series, x, y) {
  const below = spans.map(() => 0);
  return series.map(({ name, value }) => {
    const floor = spans.map((span, place) => `${x(span.at_unix_ms).toFixed(1)},${y(below[place]).toFixed(1)}`);
    spans.forEach((span, place) => (below[place] += value(span)));
    const roof = spans.map((span, place) => `${x(span.at_unix_ms).toFixed(1)},${y(below[place]).toFixed(1)}`);
    return svg("polygon", { class: `area ${name}`, points: [...roof, ...floor.reverse()].join(" ") });
  });
}

/** The spans without a silence between them. */
function runs(spans) {
  const found = [];
  for (const span of spans) {
    const last = found.at(-1)?.at(-1);
    if (last && span.at_unix_ms - last.at_unix_ms <= GAP_MS) found.at(-1).push(span);
    else found.push([span]);
  }
  return found;
}

function rule({ y }) {
  return svg("line", { class: "rule", x1: 0, x2: WIDTH, y1: y, y2: y });
}

/** The next of 1, 2, 5, 10, 20 and so on. */
function ceiling(value) {
  const decade = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * decade).find((step) => step >= value * 0.999);
}

function point(event, { field, mark, note, shown, describe }) {
  const box = field.getBoundingClientRect();
  const part = (event.clientX - box.left) / box.width;
  const at = shown.nowMs - (1 - part) * SHOWN_S * 1000;
  const nearest = shown.spans.reduce((best, span) => (closer(span, best, at) ? span : best), null);
  const near = nearest !== null && Math.abs(nearest.at_unix_ms - at) < GAP_MS;
  mark.hidden = note.hidden = !near;
  if (!near) return;
  mark.style.setProperty("left", `${part * 100}%`);
  note.style.setProperty(part > 0.5 ? "right" : "left", `${(part > 0.5 ? 1 - part : part) * 100}%`);
  note.style.removeProperty(part > 0.5 ? "left" : "right");
  put(note, describe(nearest));
}

function closer(span, best, at) {
  return best === null || Math.abs(span.at_unix_ms - at) < Math.abs(best.at_unix_ms - at);
}
