// The three cards at the top: how questions come and are answered, how long that takes, and what serves.

import { ageS, setClock } from "./clock.js";
import { areas, chart, logLines, SHOWN_S } from "./chart.js";
import { at, h, put, say } from "./dom.js";
import { bytes, count, date, dateAndTime, duration, plain, rate, scaled, share, span, timeOfDay } from "./format.js";

const SOURCES = ["table", "suffix", "model", "popular"];
const PERCENTILES = [
  ["p50", "p50"],
  ["p90", "p90"],
  ["p99", "p99"],
  ["p999", "p99.9"],
];
const TROUBLES = [
  ["shed_per_s", "shed", "refused because the limit of questions in flight was reached"],
  ["expired_per_s", "expired", "the caller's time ran out"],
  ["failed_per_s", "failed", "the service failed or had no release"],
  ["degraded", "degraded", "the model should have answered and another source did"],
];

const shown = { spans: [] };
let parts = null;

/** The newest second that is shown: only later ones are worth asking for. */
export const newestUnixMs = () => shown.spans.at(-1)?.at_unix_ms ?? 0;

/** Shows new figures. */
export function showFigures(figures) {
  parts ??= build();
  setClock(figures.at_unix_ms);
  // A service that started anew begins with an empty past, and its clock may be behind.
  if (figures.spans.length > 0 && figures.spans[0].at_unix_ms < newestUnixMs()) shown.spans = [];
  shown.spans = [...shown.spans, ...figures.spans].filter(
    (one) => one.at_unix_ms > figures.at_unix_ms - SHOWN_S * 1000,
  );
  showAnswers(figures);
  showLatency(figures.now?.latency_s ?? null);
  showAges(figures);
  parts.charts.forEach(({ draw }) => draw(shown.spans, figures.at_unix_ms));
}

/** Shows the release that serves. */
export function showServing(status, releases) {
  parts ??= build();
  const { release, model } = status;
  say(parts.release, release?.version ?? "Nothing serves");
  parts.release.title = release?.version ?? "";
  const pinned = releases.pinned !== null && releases.pinned !== undefined;
  parts.pinned.hidden = !pinned;
  const facts = [
    ...(release === null ? [] : factsOf(release, model)),
    status.pull && ["follows", channelOf(status.pull)],
  ];
  put(
    parts.facts,
    facts.filter(Boolean).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );
  put(parts.empty, release === null && h("p", {}, emptyReason(status)));
}

function factsOf(release, model) {
  const histories = release.table.levels.reduce((sum, level) => sum + level.present, 0);
  return [
    ["model", modelOf(release, model)],
    ["table", `${count(histories)} histories, up to ${release.table.depth} clusters`],
    ["catalogue", h("span", { class: "version" }, release.catalogue)],
    ["size", bytes(release.bytes)],
  ];
}

/** The channel that is pulled from, and how the last look at it went. */
function channelOf({ from, channel, outcome, at_unix_s: atUnixS }) {
  const looked = atUnixS && h("span", { class: "aside", "data-since": atUnixS, "data-after": " ago" });
  return h("span", { title: from }, channel, outcome ? `, ${outcome} ` : " ", looked);
}

function emptyReason({ loading, failure }) {
  if (loading) return `${loading} is being loaded.`;
  return failure?.release
    ? "The last load was refused; the reason stands above."
    : "Push a release, or activate one of the store.";
}

function modelOf(release, model) {
  if (model) return `${model.version}, ${plain(model.precision)}`;
  return release.model ? `${release.model} is not loaded` : "none named";
}

function build() {
  const describeAnswers = (span) => [
    h("b", {}, `${rate(span.requests_per_s)} requests/s`),
    ...SOURCES.map((source) => h("span", {}, `${source} ${rate(span.answers_per_s[source] ?? 0)}`)),
    moment(span),
  ];
  const describeLatency = (span) => [
    ...PERCENTILES.map(([name, label]) =>
      h("span", {}, `${label} ${span.latency_s ? duration(span.latency_s[name]) : "none"}`),
    ),
    moment(span),
  ];
  const ofSource = SOURCES.map((name) => ({ name, value: (span) => span.answers_per_s[name] ?? 0 }));
  const ofPercentile = ["p999", "p99", "p50"].map((name) => ({ name, value: (span) => span.latency_s?.[name] ?? 0 }));
  const charts = [
    chart(
      "Answers per second by source over five minutes",
      areas(ofSource, (value) => rate(value).replace(".0", "")),
      describeAnswers,
    ),
    chart("Latency percentiles over five minutes", logLines(ofPercentile, short), describeLatency),
  ];
  return { charts, ...buildAnswers(charts[0]), ...buildLatency(charts[1]), ...buildServing() };
}

function buildAnswers({ element }) {
  const requests = h("span", { class: "figure", id: "requests" }, "–");
  const doors = h("span", { class: "aside" });
  const legend = h("dl", { class: "legend" });
  const troubles = h("dl", { class: "troubles" });
  put(
    at("answers"),
    h("h2", { id: "answers-title" }, "Requests"),
    h("p", { class: "headline" }, requests, h("span", { class: "unit" }, "per second"), doors),
    element,
    legend,
    troubles,
  );
  return { requests, doors, legend, troubles };
}

function buildLatency({ element }) {
  const percentiles = PERCENTILES.map(([name, label]) => {
    const value = h("span", { class: "figure lesser", id: name }, "–");
    const unit = h("span", { class: "unit" });
    return {
      name,
      value,
      unit,
      cell: h(
        "div",
        { class: `percentile ${name}` },
        h("dt", {}, name !== "p90" && h("span", { class: `line-key ${name}` }), label),
        h("dd", {}, value, unit),
      ),
    };
  });
  put(
    at("latency"),
    h("h2", { id: "latency-title" }, "Latency"),
    h(
      "dl",
      { class: "percentiles" },
      percentiles.map(({ cell }) => cell),
    ),
    element,
    h("p", { class: "hint" }, "From a decoded request to an encoded reply, in the last ten seconds."),
  );
  return { percentiles };
}

function buildServing() {
  const release = h("span", { class: "version" }, "–");
  const pinned = h("span", { class: "tag", hidden: true }, "pinned");
  const ages = h("dl", { class: "ages" });
  const facts = h("dl", { class: "facts" });
  const empty = h("div", { class: "hint" });
  put(
    at("serving"),
    h("h2", { id: "serving-title" }, "Serving"),
    h("p", { class: "headline release" }, release, pinned),
    ages,
    empty,
    facts,
  );
  return { release, pinned, ages, facts, empty };
}

function showAnswers({ now, release, in_flight: inFlight }) {
  say(parts.requests, now ? rate(now.requests_per_s) : "–");
  say(parts.doors, now ? `HTTP ${rate(now.http_per_s)}  gRPC ${rate(now.grpc_per_s)}` : "");
  const answers = now?.answers_per_s ?? {};
  const total = Object.values(answers).reduce((sum, value) => sum + value, 0);
  const expected = release?.expected_sources ?? {};
  put(
    parts.legend,
    SOURCES.map((source) => legendOf(source, total > 0 ? answers[source] / total : null, expected[source])),
  );
  const degraded = Object.values(now?.degraded_per_s ?? {}).reduce((sum, value) => sum + value, 0);
  const reasons = Object.keys(now?.degraded_per_s ?? {})
    .map(plain)
    .join(", ");
  put(
    parts.troubles,
    h(
      "div",
      { title: "questions being answered now, and the most that are admitted" },
      h("dt", {}, "in flight"),
      h("dd", {}, `${count(inFlight.now)} of ${count(inFlight.limit)}`),
    ),
    TROUBLES.map(([name, label, title]) => {
      const value = name === "degraded" ? degraded : (now?.[name] ?? 0);
      const why = name === "degraded" && reasons ? `${title}: ${reasons}` : title;
      return h(
        "div",
        { class: value > 0 ? "bad" : null, title: why },
        h("dt", {}, label),
        h("dd", {}, `${rate(value)}/s`),
      );
    }),
  );
}

function legendOf(source, part, expected) {
  const wanted =
    expected !== undefined &&
    h("dd", { class: "aside", title: "the share that the release's maker expects" }, `exp. ${share(expected)}`);
  return h(
    "div",
    {},
    h("dt", {}, h("span", { class: `key ${source}` }), source),
    h("dd", {}, part === null ? "–" : share(part)),
    wanted,
  );
}

function showLatency(latency) {
  for (const { name, value, unit } of parts.percentiles) {
    const [number, of] = latency ? scaled(latency[name]) : ["–", ""];
    say(value, number);
    say(unit, of);
  }
}

function showAges({ release }) {
  const rows = [
    ["data_end_unix_s", "newest data", dateOrTime],
    ["created_unix_s", "made", dateOrTime],
    ["loaded_unix_s", "serving for", dateOrTime],
  ];
  put(
    parts.ages,
    rows
      .filter(([name]) => release?.[name] !== null && release?.[name] !== undefined)
      .map(([name, label, written]) => {
        const age = ageS(release[name]);
        const text = name === "loaded_unix_s" ? span(age) : `${span(age)} ago`;
        return h(
          "div",
          { title: dateAndTime(release[name]) },
          h("dt", {}, label),
          h("dd", {}, text, h("span", { class: "aside" }, written(release[name]))),
        );
      }),
  );
}

function dateOrTime(unixS) {
  const today = ageS(unixS) < 20 * 3600;
  return today ? timeOfDay(unixS) : date(unixS);
}

function moment({ at_unix_ms: atUnixMs }) {
  return h("span", { class: "aside" }, timeOfDay(atUnixMs / 1000));
}

/** A tick of a decade. */
function short(seconds) {
  const [value, unit] = scaled(seconds * 1.0000001);
  return `${Math.round(Number(value))} ${unit}`;
}
