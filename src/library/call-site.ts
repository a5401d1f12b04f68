/**
 * The script's own line in an error of a call: what the engine knows of an error that came off the network is the library's
 * inside.
 */

/** Remembers where a call is made. The text of it is only made when it is asked for. */
export function markCallSite(within: (...args: never) => unknown): Error {
  const site = new Error();
  Error.captureStackTrace(site, within);
  return site;
}

/** The same error; its stack begins with its message and goes on where the call was made. */
export function withCallSite(error: unknown, site: Error): unknown {
  if (error instanceof Error) {
    const frames = site.stack?.split("\n").filter((line) => /^\s+at /.test(line)) ?? [];
    const head = `${error.name}: ${error.message}`;
    Object.defineProperty(error, "stack", {
      value: [head, ...frames].join("\n"),
      configurable: true,
      writable: true,
    });
  }
  return error;
}
