// What may be done to a release where it stands, what is said before it is done, and the call that does it.

import { ask, field } from "./dialog.js";
import { h, words } from "./dom.js";
import { change } from "./door.js";
import { share as percent } from "./format.js";
import { role, withToken } from "./session.js";
import { standingOf } from "./standing.js";
import { toast } from "./toast.js";
import { sharesOf } from "./trial.js";

const LOADED = ["staged", "shadow", "canary"];
const SERVABLE = ["stored", "retired", "failed", "previous"];

/** The actions on an entry: `{ label, run, look, blocked }`, the likeliest first; those with the look of a button
 * stand in the row, the others in its menu. `done` is called after a change. */
export function actionsFor(entry, releases, trial, done) {
  const standing = standingOf(entry, releases);
  const of = { version: entry.version, standing, releases, trial, done };
  const found = [
    standing === "previous" && act(of, "Roll back", rollBack, { look: "strong", held: true }),
    LOADED.includes(standing) && act(of, "Promote", promote, { look: "primary", held: true }),
    LOADED.includes(standing) && act(of, "Canary", canary, { held: true }),
    LOADED.includes(standing) && act(of, "Shadow", shadow, {}),
    ["shadow", "canary"].includes(standing) && act(of, "End the trial", endTrial, {}),
    SERVABLE.includes(standing) && standing !== "previous" && act(of, "Stage", stage, { held: true }),
    SERVABLE.includes(standing) && standing !== "previous" && act(of, "Activate", activate, { held: true }),
    entry.version === releases.pinned && act(of, "Unpin", unpin, { look: "strong" }),
    standing === "current" && entry.version !== releases.pinned && act(of, "Pin", pin, {}),
    standing !== "quarantined" && act(of, "Quarantine", quarantine, { look: "danger" }),
  ];
  return found.filter(Boolean);
}

function act(of, label, run, { look = null, held = false }) {
  const { pinned } = of.releases;
  const pin = held && pinned && pinned !== of.version ? `pinned to ${pinned}; unpin first` : null;
  const blocked = role() === "reader" ? "your token only reads" : pin;
  return { label, look, blocked, run: () => run(of) };
}

const rollBack = (of) =>
  confirmed(of, {
    title: `Roll back to ${of.version}?`,
    text: [
      serves(of, "answers every question at once"),
      words`Automatic pulls leave ${of.releases.serving} alone until somebody activates it again.`,
    ],
    label: "Roll back",
    path: "rollback",
    done: `${of.version} serves again`,
  });

const promote = (of) =>
  confirmed(of, {
    title: `Promote ${of.version}?`,
    text: [
      serves(of, "is loaded and checked, and answers every question at once"),
      words`${of.releases.serving} becomes the previous release.`,
    ],
    label: "Promote",
    path: "promote",
    body: { version: of.version },
    done: `${of.version} serves`,
  });

const activate = (of) =>
  confirmed(of, {
    title: `Activate ${of.version}?`,
    text: [serves(of, "is loaded and checked first; it serves only if every check passes")],
    label: "Activate",
    path: "activate",
    body: { version: of.version },
    done: `${of.version} serves`,
  });

const stage = (of) =>
  confirmed(of, {
    title: `Stage ${of.version}?`,
    text: ["It is loaded and checked beside what serves. No answer changes until it is promoted or gets a canary."],
    label: "Stage",
    path: "stage",
    body: { version: of.version },
    done: `${of.version} is staged`,
  });

const pin = (of) =>
  confirmed(of, {
    title: `Pin ${of.version}?`,
    text: [
      "The service stays at this release: no pull, activation, promotion or rollback moves it until it is unpinned.",
    ],
    label: "Pin",
    path: "pin",
    body: { version: of.version },
    done: `pinned to ${of.version}`,
  });

const unpin = (of) =>
  confirmed(of, {
    title: `Unpin ${of.version}?`,
    text: ["Pulls, activations and rollbacks move the service again."],
    label: "Unpin",
    path: "unpin",
    done: "unpinned",
  });

const endTrial = (of) =>
  confirmed(of, {
    title: `End the trial of ${of.version}?`,
    text: [words`${of.releases.serving} answers every question again. ${of.version} stays loaded.`],
    label: "End it",
    calls: ["canary", "shadow"].map((path) => [path, { version: of.version, share: 0 }]),
    done: `${of.version} is no longer tried`,
  });

const quarantine = (of) =>
  confirmed(of, {
    title: `Quarantine ${of.version} for good?`,
    text: [
      of.standing === "current" ? "The service rolls back to the previous release first." : null,
      "It never serves again here: no push, pull, stage or activation brings it back. This cannot be undone.",
    ].filter(Boolean),
    fields: [
      field(
        "Reason",
        h("textarea", { name: "reason", rows: 2, required: true, maxlength: 500 }),
        "for whoever wonders later",
      ),
    ],
    label: "Quarantine",
    danger: true,
    path: "quarantine",
    body: ({ reason }) => ({ version: of.version, reason: reason.trim() }),
    done: `${of.version} is quarantined`,
  });

const canary = (of) =>
  shared(of, {
    title: `Canary ${of.version}`,
    text: "This share of callers is answered by it instead of by what serves. The same unit always gets the same release.",
    path: "canary",
    now: sharesOf(of.trial, of.version).canary,
    start: 0.05,
  });

const shadow = (of) =>
  shared(of, {
    title: `Shadow ${of.version}`,
    text: "This share of live questions is answered by it as well, and compared. Callers notice nothing.",
    path: "shadow",
    now: sharesOf(of.trial, of.version).shadow,
    start: 0.1,
  });

function shared(of, { title, text, path, now, start }) {
  const number = h("input", {
    type: "number",
    name: "percent",
    min: 0,
    max: 100,
    step: "any",
    required: true,
    value: (now || start) * 100,
  });
  const range = h("input", {
    type: "range",
    min: 0,
    max: 100,
    step: 1,
    value: (now || start) * 100,
    "aria-label": "Share in per cent",
  });
  range.addEventListener("input", () => (number.value = range.value));
  number.addEventListener("input", () => (range.value = number.value));
  const presets = [0, 1, 5, 10, 25, 50, 100].map((value) =>
    h("button", { type: "button", class: "preset", onclick: () => (range.value = number.value = value) }, `${value}`),
  );
  return confirmed(of, {
    title: title,
    text: [text, now > 0 ? `Now ${percent(now)}; 0 ends it.` : null].filter(Boolean),
    fields: [
      field("Share, %", number),
      range,
      h("div", { class: "presets", role: "group", "aria-label": "Usual shares" }, presets),
    ],
    label: "Set the share",
    path,
    body: ({ percent: value }) => ({ version: of.version, share: Number(value) / 100 }),
    done: ({ percent: value }) =>
      Number(value) > 0 ? `${path} of ${of.version} at ${value} %` : `${path} of ${of.version} ended`,
  });
}

/** Asks, calls, and tells what became of it. */
async function confirmed(of, { title, text, fields, label, danger, path, body = {}, calls, done }) {
  const wanted = (values) => calls ?? [[path, typeof body === "function" ? body(values) : body]];
  const submit = async (values) => {
    for (const [to, what] of wanted(values)) await withToken(() => change(`/admin/v1/${to}`, what));
  };
  const asked = await ask({ title, text, fields, label, danger, submit });
  if (asked === null) return;
  toast(typeof done === "function" ? done(asked.values) : done);
  of.done();
}

function serves({ version, releases }, what) {
  const next = words`${version} ${[what]}.`;
  return releases.serving ? [words`${releases.serving} serves now.`, " ", next] : ["Nothing serves now. ", next];
}
