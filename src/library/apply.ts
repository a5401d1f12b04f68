/** `aurae.apply`, as scripts call it: over a client of theirs, or the one that all share. */
import { createClient } from "@connectrpc/connect";
import { CellService } from "../gen/aurae/cells/v0/cells_pb.ts";
import { applyTo } from "./apply/apply.ts";
import type { Plan } from "./apply/plan-text.ts";
import type { ApplyToOptions, Desired } from "./apply/types.ts";
import { markCallSite, withCallSite } from "./call-site.ts";
import type { Client } from "./client.ts";
import { defaultClient } from "./create-client.ts";
import { wireOf } from "./wire.ts";

export interface ApplyOptions extends ApplyToOptions {
  /** The node. Left out: the one of the configuration. */
  readonly client?: Client | undefined;
}

const DRY_RUN = "--dry-run";

/**
 * Brings a node to a described tree of cells and executables. What is there already, and as described, is left as it is, so
 * that applying the same again does nothing; what is not described is left alone.
 *
 * Where a script was started with `--dry-run` among its own words, and `dryRun` is not said, the plan is written to standard
 * output and nothing is done.
 *
 * @returns the plan that was carried out, or, for a dry run, the one that would be; `${plan}` is a text for people
 * @throws {ConnectError} INVALID_ARGUMENT for a description that can't be right: nothing was asked of the node
 * @throws {ApplyError} for a plan that was not carried out to its end: it says what was done, what failed, and what was not
 * tried
 */
export async function apply(desired: Desired, options: ApplyOptions = {}): Promise<Plan> {
  const site = markCallSite(apply);
  try {
    return await applyOver(desired, options);
  } catch (error) {
    throw withCallSite(error, site);
  }
}

async function applyOver(desired: Desired, options: ApplyOptions): Promise<Plan> {
  const { client = defaultClient(), ...rest } = options;
  const isAsked = options.dryRun === undefined && process.argv.slice(2).includes(DRY_RUN);
  const cells = createClient(CellService, wireOf(client).transport);
  const plan = await applyTo(cells, desired, isAsked ? { ...rest, dryRun: true } : rest);
  if (isAsked) {
    process.stdout.write(`${plan}\n`);
  }
  return plan;
}
