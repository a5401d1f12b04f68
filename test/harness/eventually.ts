/** Waits for a condition that nothing announces: asks again and again, in small steps, up to a bound. */
const STEP_MS = 10;

/** Resolves with the first answer that is not undefined or false. @throws {Error} naming what did not come */
export async function eventually<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 10_000,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) {
      return answer;
    }
    if (performance.now() > end) {
      throw new Error(`${what}: not within ${timeoutMs} ms`);
    }
    await Bun.sleep(STEP_MS);
  }
}
