/** Makes the namespaces that a cell asks for, inside those of the cells above. */
import type { Kernel } from "../../kernel/kernel.ts";
import type { CellNamespaces } from "../../kernel/namespace/namespaces.ts";
import { type Cell, type CellSpec, leafOf } from "./cell.ts";
import { cellNotAllocated } from "./cell-errors.ts";
import { requireThawed } from "./freeze.ts";

/**
 * Begins to make them.
 * @returns undefined for a cell that unshares nothing
 * @throws {AuraeError} failed_precondition in a frozen cell, resource_exhausted, internal naming the step that failed
 */
export function createNamespaces(
  kernel: Kernel,
  spec: CellSpec,
  parent: Cell | undefined,
): CellNamespaces | undefined {
  if (!spec.isolateProcess && !spec.isolateNetwork) {
    return undefined;
  }
  try {
    // In a frozen group the first process would never get as far as to tell us that it runs.
    if (parent !== undefined) {
      requireThawed(kernel, parent.name);
    }
    // The first process of one that goes with its caller is the daemon's own business.
    using cgroup = spec.isTransient ? undefined : kernel.cgroups.open(leafOf(spec));
    return kernel.namespaces.create({
      process: spec.isolateProcess,
      network: spec.isolateNetwork,
      hostname: spec.name.leaf,
      parent: parent?.namespaces,
      cgroup,
      endsWithDaemon: spec.isTransient,
    });
  } catch (error) {
    throw cellNotAllocated(spec.name, error);
  }
}

/**
 * Waits until those of a cell are made, if it has some of its own. From then on others may see it.
 * @throws {AuraeError} as above
 */
export function settleNamespaces(cell: Cell): void {
  cell.publish();
  try {
    cell.ownNamespaces?.settle();
  } catch (error) {
    throw cellNotAllocated(cell.name, error);
  }
}
