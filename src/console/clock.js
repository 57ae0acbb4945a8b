// The service's clock: ages are told by it, since a browser's own may be wrong.

let skewMs = 0;

/** Sets the clock by what the service says, in milliseconds since 1970 UTC. */
export const setClock = (unixMs) => (skewMs = unixMs - Date.now());

/** The time, in seconds since 1970 UTC. */
export const nowS = () => (Date.now() + skewMs) / 1000;

/** Seconds since a time; none that is to come. */
export const ageS = (unixS) => Math.max(0, nowS() - unixS);
