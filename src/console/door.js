// Speaks to the operator's door. The token lives in this tab until it is closed, and goes into one header only.

const KEPT_AS = "segue-token";

/** A call that the door refused, in the door's own words. */
export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/** The door could not be reached, or did not answer in time. */
export class Unreachable extends Error {}

/** Whether a token was given in this tab. */
export const hasToken = () => sessionStorage.getItem(KEPT_AS) !== null;

/** Keeps a token for this tab. */
export const keepToken = (token) => sessionStorage.setItem(KEPT_AS, token);

/** Forgets it. */
export const dropToken = () => sessionStorage.removeItem(KEPT_AS);

/** What a path shows. */
export function read(path, { signal } = {}) {
  return call(path, { method: "GET", signal: signal ?? AbortSignal.timeout(10_000) });
}

/** Asks for a change; it is a fact when this returns. A load may take minutes, so it waits as long as the door does. */
export function change(path, body) {
  return call(path, { method: "POST", body: JSON.stringify(body), signal: AbortSignal.timeout(660_000) });
}

async function call(path, options) {
  const headers = { accept: "application/json" };
  if (options.body !== undefined) headers["content-type"] = "application/json";
  if (hasToken()) headers.authorization = `Bearer ${sessionStorage.getItem(KEPT_AS)}`;
  const response = await reached(path, { ...options, headers, cache: "no-store" });
  const body = await response.json().catch(() => null);
  if (!response.ok)
    throw new Refused(response.status, body?.detail ?? `the door replied with status ${response.status}`);
  return body;
}

async function reached(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable(
      error.name === "TimeoutError" ? "the service does not answer" : "the service cannot be reached",
    );
  }
}
