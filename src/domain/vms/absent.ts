/** What stands in where virtual machines can be described, but none can run: it says so to who starts one. */
import { AuraeError } from "../../base/errors.ts";
import type { Monitors } from "./monitors.ts";

const PROBLEM = "this auraed has no virtual machine monitor; take a version that has one";

function refuse(): never {
  throw new AuraeError("failed_precondition", PROBLEM);
}

export const ABSENT_MONITORS: Monitors = {
  problem: PROBLEM,
  create: async () => refuse(),
  adopt: async () => undefined,
  clear: async () => undefined,
};
