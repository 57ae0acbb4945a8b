// Numbers, sizes and times as people read them: three figures at most, and always with their unit.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat("en", { maximumFractionDigits: 1, minimumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const moment = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

/** Seconds of each unit, with the word for one and for several. */
const SPANS = [
  [365.25 * 86400, "year", "years"],
  [30.44 * 86400, "month", "months"],
  [86400, "day", "days"],
  [3600, "h", "h"],
  [60, "min", "min"],
  [1, "s", "s"],
];

/** A count. */
export const count = (value) => whole.format(value);

/** A rate per second, without its unit. */
export function rate(value) {
  if (value === 0) return "0";
  return value < 99.95 ? tenth.format(value) : whole.format(value);
}

/** A share of one, in per cent. */
export function share(value) {
  const percent = value * 100;
  if (percent === 0 || percent === 100) return `${percent} %`;
  if (percent < 0.1) return "< 0.1 %";
  if (percent > 99.9) return "> 99.9 %";
  return `${tenth.format(percent)} %`;
}

/** A share that a person set, in per cent: no digit more than was said. */
export const setShare = (value) => `${Number((value * 100).toPrecision(4))} %`;

/** A duration in seconds, down to microseconds. */
export function duration(seconds) {
  const [value, unit] = scaled(seconds);
  return `${value} ${unit}`;
}

/** The same, as its number and its unit. */
export function scaled(seconds) {
  const [scale, unit] = seconds < 0.001 ? [1e6, "µs"] : seconds < 1 ? [1e3, "ms"] : [1, "s"];
  const value = seconds * scale;
  return [value < 9.95 ? value.toFixed(1) : whole.format(value), unit];
}

/** A span in seconds, in its largest unit. */
export function span(seconds) {
  const [size, one, several] = SPANS.find(([size]) => seconds >= size) ?? SPANS.at(-1);
  const value = seconds / size;
  const text = value < 9.95 && size > 60 ? trimmed(value) : whole.format(Math.floor(value));
  return `${text} ${text === "1" ? one : several}`;
}

/** Bytes. */
export function bytes(value) {
  const steps = ["B", "kB", "MB", "GB", "TB"];
  const step = Math.min(steps.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(value, 1)) / 3)));
  const scaled = value / 1000 ** step;
  return `${step > 0 && scaled < 99.95 ? tenth.format(scaled) : whole.format(scaled)} ${steps[step]}`;
}

/** A figure of quality: whatever it is, at most four digits of it. */
export function figure(value) {
  if (Number.isInteger(value)) return whole.format(value);
  return Math.abs(value) >= 1000 ? whole.format(value) : Number(value.toPrecision(4)).toString();
}

/** A time of day. */
export const timeOfDay = (unixS) => clock.format(new Date(unixS * 1000));

/** A date. */
export const date = (unixS) => day.format(new Date(unixS * 1000));

/** A date and a time. */
export const dateAndTime = (unixS) => moment.format(new Date(unixS * 1000));

/** A snake_case word as a person writes it. */
export const plain = (word) => word.replaceAll("_", " ");

function trimmed(value) {
  return value.toFixed(1).replace(/\.0$/, "");
}
