/** The end of a cell in the kernel: of its namespaces, then of its control groups with whatever is still in them. */
import { isTreeRemoved, removeTree } from "../../kernel/cgroup/cgroups.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { Cell } from "./cell.ts";

/** How long the processes that are left in a cell may take to die of SIGKILL. */
const KILL_TIMEOUT_MS = 10_000;

/** @throws {SyscallError | DOMException} where a process does not end of SIGKILL */
export async function removeGroups({ cgroups }: Kernel, cell: Cell): Promise<void> {
  cell.ownNamespaces?.end();
  const areGone = (): boolean =>
    (cell.leaf === cell.cgroup || isTreeRemoved(cgroups, cell.leaf)) &&
    isTreeRemoved(cgroups, cell.cgroup);
  // The first process of one that goes with its caller is in none of its groups. Where they can go, nothing but that is left
  // of the cell, and it ends by itself, which nobody can tell unless something was mounted there.
  if (cell.spec.isTransient && cell.ownNamespaces?.mayHaveMounts !== true && areGone()) {
    return;
  }
  await cell.ownNamespaces?.ended;
  if (!areGone()) {
    // What was moved into the cell from outside is in none of its executables.
    cgroups.kill(cell.cgroup);
    await cgroups.emptied(cell.cgroup, AbortSignal.timeout(KILL_TIMEOUT_MS));
    removeTree(cgroups, cell.cgroup);
  }
}
