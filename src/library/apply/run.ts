/** Carries a plan out: one call after the other, up to the first that fails. */
import { type CallOptions, type Client, Code, ConnectError } from "@connectrpc/connect";
import type { CellService } from "../../gen/aurae/cells/v0/cells_pb.ts";
import { ApplyError } from "./apply-error.ts";
import type { Plan } from "./plan-text.ts";
import { actionOf } from "./step.ts";
import type { RunOptions, Step } from "./types.ts";

/** What `apply` calls: Connect's client of CellService, or one like it. */
export type CellsClient = Pick<
  Client<typeof CellService>,
  "inspect" | "allocate" | "update" | "free" | "start" | "stop"
>;

/** Somebody else was quicker, and it is gone, as it should be. */
async function unlessGone(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (ConnectError.from(error).code !== Code.NotFound) {
      throw error;
    }
  }
}

/** A step of two calls whose second failed. */
class HalfDone extends Error {
  readonly what: string;

  constructor(what: string, cause: unknown) {
    super(what, { cause });
    this.what = what;
  }
}

async function thenTry(what: string, call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    throw new HalfDone(what, error);
  }
}

async function perform(client: CellsClient, step: Step, options: CallOptions): Promise<void> {
  const { cellName, executableName } = step;
  const cell = cellName === "" ? {} : { cellName };
  const free = () => unlessGone(client.free({ cellName }, options));
  const stop = () => unlessGone(client.stop({ ...cell, executableName }, options));
  const action = actionOf(step);
  switch (action.kind) {
    case "allocate":
      await client.allocate({ cell: action.cell }, options);
      return;
    case "update":
      await client.update(action.request, options);
      return;
    case "replace":
      await free();
      await thenTry("it was freed, and is not allocated again", () =>
        client.allocate({ cell: action.cell }, options),
      );
      return;
    case "free":
      await free();
      return;
    case "start":
      await client.start({ ...cell, executable: action.definition }, options);
      return;
    case "restart":
      await stop();
      await thenTry("it was stopped, and is not started again", () =>
        client.start({ ...cell, executable: action.definition }, options),
      );
      return;
    case "stop":
      await stop();
  }
}

/** @throws {ApplyError} at the first step that fails; and at once where a step is not allowed, with nothing done */
export async function run(
  client: CellsClient,
  { steps, blocked }: Plan,
  { signal, onStep }: RunOptions = {},
): Promise<void> {
  const [held] = blocked;
  if (held !== undefined) {
    const cause = new Error(`${held.kind} ${held.cellName}: not done: ${held.blocked}`);
    const notTried = steps.filter((step) => step !== held);
    throw new ApplyError({ done: [], failed: held, notTried, cause });
  }
  const options = signal === undefined ? {} : { signal };
  for (const [at, step] of steps.entries()) {
    try {
      signal?.throwIfAborted();
      await perform(client, step, options);
    } catch (error) {
      const half = error instanceof HalfDone ? error : undefined;
      throw new ApplyError({
        done: steps.slice(0, at),
        failed: step,
        notTried: steps.slice(at + 1),
        cause: half?.cause ?? error,
        halfDone: half?.what,
      });
    }
    onStep?.(step);
  }
}
