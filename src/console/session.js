// Who is at the page: asks for a token when the door wants one, once for each tab.

import { ask, field } from "./dialog.js";
import { at, h, put, say } from "./dom.js";
import { dropToken, hasToken, keepToken, read, Refused } from "./door.js";

let known = { role: null, name: null, asks: null };

/** The role of who is at the page, `operator`, `reader` or null where nobody said. */
export const role = () => known.role;

/** Asks the door who is here, and shows it. */
export async function refreshSession() {
  known = await read("/admin/v1/session").catch((error) => {
    if (!(error instanceof Refused)) throw error;
    if (error.status === 401) dropToken();
    return { role: null, name: null, asks: true };
  });
  show();
}

/** Runs a call that may need a token; where it does, asks for one and runs it again. */
export async function withToken(run) {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 401) throw error;
    dropToken();
    if (!(await askForToken())) throw new Error("nothing was changed: the door wants a token");
    return run();
  }
}

/** Asks for a token; true where one was given that the door knows. */
export async function askForToken() {
  const input = h("input", { type: "password", name: "token", autocomplete: "off", required: true, minlength: 16, spellcheck: "false" });
  const submit = async ({ token }) => {
    keepToken(token.trim());
    await refreshSession();
    if (!hasToken()) throw new Error("The service does not know this token.");
  };
  const asked = await ask({
    title: "Token",
    text: "This service asks for a token. It stays in this tab until you close it.",
    fields: [field("Token", input, "a line of the service's token file")],
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

function show() {
  const button = at("session");
  button.hidden = known.asks === false;
  const who = known.name && known.name !== known.role ? `${known.name}, ${known.role}` : known.role;
  put(button, who ?? "Enter token");
  say(button, hasToken() ? `${who ?? "token"} · forget` : "Enter token");
  button.title = hasToken() ? "forget the token of this tab" : "changes need a token here";
}
