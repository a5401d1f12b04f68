/**
 * Brings a node to a described tree of cells and executables, through the public API alone: looks at what is there
 * (Inspect), plans, and carries the plan out. Applying the same again changes nothing.
 */
import { describe } from "./description.ts";
import { planFrom } from "./plan.ts";
import type { Plan } from "./plan-text.ts";
import { type CellsClient, run } from "./run.ts";
import type { ApplyToOptions, Desired } from "./types.ts";

/**
 * @returns the plan that was carried out, or, for a dry run, the one that would be
 * @throws {ConnectError} INVALID_ARGUMENT for a description that can't be right: nothing was asked of the node
 * @throws {ApplyError} for a plan that was not carried out to its end: it says what was done
 */
export async function applyTo(
  client: CellsClient,
  desired: Desired,
  options: ApplyToOptions = {},
): Promise<Plan> {
  const description = describe(desired);
  const { signal } = options;
  const observed = await client.inspect({}, signal === undefined ? {} : { signal });
  const plan = planFrom(description, observed, options);
  if (options.dryRun !== true) {
    await run(client, plan, options);
  }
  return plan;
}
