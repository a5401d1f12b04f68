/** Makes the namespaces that a cell asks for, inside those of the cells above. */
import type { Kernel } from "../../kernel/kernel.ts";
import type { CellNamespaces } from "../../kernel/namespace/namespaces.ts";
import { type CellSpec, leafOf } from "./cell.ts";

/**
 * @param above the namespaces of the nearest cell above that has some
 * @returns undefined for a cell that unshares nothing
 * @throws {LaunchError} naming the step that failed
 */
export function createNamespaces(
  kernel: Kernel,
  spec: CellSpec,
  above: CellNamespaces | undefined,
): CellNamespaces | undefined {
  if (!spec.isolateProcess && !spec.isolateNetwork) {
    return undefined;
  }
  using cgroup = kernel.cgroups.open(leafOf(spec.name));
  return kernel.namespaces.create({
    process: spec.isolateProcess,
    network: spec.isolateNetwork,
    hostname: spec.name.leaf,
    parent: above,
    cgroup,
  });
}
