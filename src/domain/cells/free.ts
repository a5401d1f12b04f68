/** The end of a cell in the kernel: of its namespaces, then of its control groups with whatever is still in them. */
import { isTreeRemoved, removeTree } from "../../kernel/cgroup/cgroups.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { type Cell, leafOf } from "./cell.ts";

/** How long the processes that are left in a cell may take to die of SIGKILL. */
const KILL_TIMEOUT_MS = 10_000;

/** @throws {SyscallError | DOMException} where a process does not end of SIGKILL */
export async function removeGroups({ cgroups }: Kernel, cell: Cell): Promise<void> {
  cell.ownNamespaces?.end();
  await cell.ownNamespaces?.ended;
  const isGone = (group: string): boolean => isTreeRemoved(cgroups, group);
  if (!isGone(leafOf(cell.name)) || !isGone(cell.cgroup)) {
    // What was moved into the cell from outside is in none of its executables.
    cgroups.kill(cell.cgroup);
    await cgroups.emptied(cell.cgroup, AbortSignal.timeout(KILL_TIMEOUT_MS));
    removeTree(cgroups, cell.cgroup);
  }
}
