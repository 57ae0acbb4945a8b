// Who is at the page: asks for a token when the door wants one, once for each tab.

import { ask, field } from "./dialog.js";
import { at, h, say } from "./dom.js";
import { dropToken, hasToken, keepToken, read, Refused } from "./door.js";

const heard = [];
let known = { reads_ask: false, changes_ask: false, who: null, role: null };

/** The role of who is at the page, `operator`, `reader` or null where nobody said. */
export const role = () => known.role;

/** Whether the door lets this page look. */
export const mayRead = () => !known.reads_ask || known.role !== null;

/** Calls `act` whenever somebody else is at the page than before. */
export const onSession = (act) => heard.push(act);

/** Asks the door what it wants and who is here, and shows it. */
export async function refreshSession() {
  const before = known.role;
  known = await read("/admin/v1/session");
  show();
  if (known.role !== before) heard.forEach((act) => act());
}

/** Runs a change; where it needs a token that is not there or no longer good, asks for one first. */
export async function withToken(run) {
  if (known.changes_ask && known.role === null) await tokenOrNothing();
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 401) throw error;
    await tokenOrNothing();
    return run();
  }
}

/** Asks for a token; true where one was given that the door knows. */
export async function askForToken() {
  const input = h("input", {
    type: "password",
    name: "token",
    autocomplete: "off",
    required: true,
    minlength: 16,
    spellcheck: "false",
  });
  const submit = async ({ token }) => {
    keepToken(token.trim());
    await refreshSession();
    if (known.role !== null) return;
    dropToken();
    throw new Error("The service does not know this token.");
  };
  const asked = await ask({
    title: "Token",
    text: ["This service asks for a token. It stays in this tab until you close it."],
    fields: [field("Token", input, "of a line in the service's token file")],
    label: "Use it",
    submit,
  });
  return asked !== null;
}

/** Prepares the button in the bar. */
export function prepareSession() {
  at("session").addEventListener("click", async () => {
    if (!hasToken()) return void (await askForToken());
    dropToken();
    await refreshSession();
  });
}

async function tokenOrNothing() {
  dropToken();
  if (!(await askForToken())) throw new Error("Nothing was changed: the service asks for a token.");
}

function show() {
  const { who, role, changes_ask: asks } = known;
  const button = at("session");
  button.hidden = !asks || (role !== null && !hasToken());
  say(button, hasToken() ? "Forget token" : "Enter token");
  const name = who === role || role === null ? role : `${who}, ${role}`;
  say(at("who"), asks && name ? name : "");
}
