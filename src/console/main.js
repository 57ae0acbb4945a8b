// The page: asks the door for what changed, and hands it to the parts that show it.

import { at, h, put, say } from "./dom.js";
import { read, Refused, Unreachable } from "./door.js";
import { dateAndTime, plain, span } from "./format.js";
import { prepareMenu } from "./menu.js";
import { newestUnixMs, showFigures, showServing } from "./now.js";
import { showReleases } from "./releases.js";
import { askForToken, mayRead, onSession, prepareSession, refreshSession } from "./session.js";
import { isMoving, standingOf } from "./standing.js";
import { prepareTheme } from "./theme.js";
import { showTrial } from "./trial.js";
import { prepareTry, retry } from "./tryit.js";

const FIGURES_MS = 1000;
const LIFE_MS = 2000;
/** While a release is on its way, its steps are worth seeing. */
const LIFE_MOVING_MS = 500;

const seen = { heardMs: null, lost: false, locked: false };

async function figures() {
  showFigures(await read(`/admin/v1/figures?after_unix_ms=${newestUnixMs()}`));
  return FIGURES_MS;
}

async function life() {
  const [status, releases, trial] = await Promise.all(
    ["status", "releases", "trial"].map((name) => read(`/admin/v1/${name}`)),
  );
  showState(status);
  showNotices(status, releases);
  showServing(status, releases);
  showTrial(trial);
  showReleases(releases, trial, refresh);
  retry(releases);
  const moving = status.loading || releases.releases.some((entry) => isMoving(standingOf(entry, releases)));
  return moving ? LIFE_MOVING_MS : LIFE_MS;
}

/** Looks again and again, but not while nobody sees the page. */
async function keep(look) {
  for (;;) {
    const pause = document.hidden ? FIGURES_MS : await looked(look);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

async function looked(look) {
  if (!mayRead()) return locked();
  try {
    const pause = await look();
    if (seen.lost || seen.locked) await refreshSession();
    Object.assign(seen, { heardMs: Date.now(), lost: false, locked: false });
    ["data-lost", "data-locked"].forEach((mark) => document.body.removeAttribute(mark));
    return pause;
  } catch (error) {
    return failed(error);
  }
}

function failed(error) {
  if (error instanceof Unreachable) lost();
  else if (error instanceof Refused && error.status === 401) refreshSession().then(locked, lost);
  else if (error instanceof Refused) state("bad", error.message);
  else console.error(error);
  return LIFE_MS;
}

function lost() {
  seen.lost = true;
  document.body.setAttribute("data-lost", "");
  const ago = seen.heardMs === null ? "" : ` · last heard ${span((Date.now() - seen.heardMs) / 1000)} ago`;
  state("bad", `Unreachable${ago}`);
}

/** Asks for a token, once; whoever turns away finds the button in the bar. */
function locked() {
  if (!seen.locked) askForToken();
  document.body.setAttribute("data-locked", "");
  seen.locked = true;
  state("warn", "Token needed");
  return FIGURES_MS;
}

function refresh() {
  looked(life);
}

function showState({ ready, stage, release, loading, service, uptime_s: uptimeS }) {
  if (stage !== "serving") state("warn", stage === "unready" ? "Draining, still answering" : "Draining");
  else if (ready) state("good", "Serving");
  else state("bad", loading ? "Loading the first release" : "No release");
  document.title = release ? `${release.version} · Segue` : "Segue";
  put(
    at("foot"),
    h("span", {}, `segue ${service}`),
    h("span", {}, `up ${span(uptimeS)}`),
    h("a", { href: "/metrics" }, "metrics"),
    h("a", { href: "/admin/v1/status" }, "status"),
    h("a", { href: "/admin/v1/releases" }, "releases"),
  );
}

function state(look, text) {
  const element = at("state");
  element.className = `state ${look}`;
  say(element.lastElementChild, text);
}

function showNotices({ failure, pointer_failure: pointerFailure, pull }, releases) {
  const notices = [
    pull?.outcome === "failed" &&
      notice(`Channel ${pull.channel} cannot be followed`, pull.text ?? `from ${pull.from}`, pull.at_unix_s),
    pull?.outcome === "held" &&
      mildNotice(`Channel ${pull.channel} names ${pull.release ?? "another release"}, which is not taken`, pull.text),
    failure?.release &&
      notice(`${failure.release} was refused: ${plain(failure.reason)}`, failure.text, failure.at_unix_s),
    pointerFailure && notice("The store's pointer cannot be read", pointerFailure, null),
    releases.current &&
      releases.serving !== releases.current &&
      !failure &&
      notice(`The store points at ${releases.current}`, `${releases.serving ?? "nothing"} serves`, null),
  ].filter(Boolean);
  // What is said already is not said again, to the eye or to a screen reader.
  const wanted = notices.map((element) => element.textContent).join("\n");
  if (at("notices").dataset.said === wanted) return;
  at("notices").dataset.said = wanted;
  put(at("notices"), notices);
}

/** Something is as somebody wanted it, and that is worth knowing. */
function mildNotice(title, text) {
  return h("div", { class: "notice" }, h("b", {}, title), h("span", {}, text ?? ""));
}

function notice(title, text, atUnixS) {
  return h(
    "div",
    { class: "notice bad", role: "alert" },
    h("b", {}, title),
    h("span", {}, text),
    atUnixS && h("time", { class: "aside", "data-since": atUnixS, "data-after": " ago", title: dateAndTime(atUnixS) }),
  );
}

say(at("place"), location.host);
prepareTheme();
prepareMenu();
prepareSession();
prepareTry();
onSession(refresh);
refreshSession()
  .catch(failed)
  .then(() => [figures, life].forEach(keep));
document.addEventListener("visibilitychange", () => document.hidden || (looked(figures), refresh()));
