/** A node in memory to apply descriptions to, and how a test looks at what came of it. */
import { ApplyError } from "../../src/library/apply/apply-error.ts";
import { type Plan, stepText } from "../../src/library/apply/plan-text.ts";
import { cellsInMemory, Meddler } from "./cells-client.ts";

export const texts = ({ steps }: Plan): string[] => steps.map(stepText);

/** A node in memory, and whatever a test does with it. */
export function applyNode() {
  const { fixture, client } = cellsInMemory();
  const meddler = new Meddler(client);
  return { fixture, client, meddler, calls: meddler.calls };
}

/** How an apply fails. @throws {Error} if it does not, or otherwise */
export async function failureOf(act: Promise<unknown>): Promise<ApplyError> {
  const error: unknown = await act.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ApplyError)) {
    throw new Error(`no ApplyError: ${error instanceof Error ? error.message : "nothing"}`);
  }
  return error;
}
