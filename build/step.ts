/** Long work as lines: what is being done, how it ended, and how long it took. */
import { BuildError } from "./error.ts";
import { RunError } from "./run.ts";

const LABEL_WIDTH = 34;

export function seconds(startMs: number): string {
  return `${((performance.now() - startMs) / 1000).toFixed(1)} s`;
}

/** What to show of a failure: the output of the program that failed, or the error itself. */
export function describeFailure(error: unknown): string {
  if (error instanceof RunError) {
    return error.output === "" ? error.message : `${error.output}\n${error.message}`;
  }
  return error instanceof BuildError ? error.message : Bun.inspect(error, { colors: false });
}

/**
 * Does a step and prints a line about it.
 * @param work may answer with a word on how it ended, `up to date`
 * @throws {BuildError} one line, after the failure's own output has been printed
 */
export async function step(label: string, work: () => Promise<unknown>): Promise<void> {
  const start = performance.now();
  try {
    const answer = await work();
    const note = typeof answer === "string" ? answer : "ok";
    console.log(`  ${label.padEnd(LABEL_WIDTH)} ${note} (${seconds(start)})`);
  } catch (error) {
    console.error(describeFailure(error));
    console.log(`  ${label.padEnd(LABEL_WIDTH)} FAILED (${seconds(start)})`);
    throw new BuildError(`${label} failed`, { cause: error });
  }
}
