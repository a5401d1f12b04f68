/** Makes a cell's control groups, step by step; a step that fails undoes those before it. */
import { removeTree } from "../../kernel/cgroup/cgroups.ts";
import { limitWrites } from "../../kernel/cgroup/limit-writes.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { type CellSpec, leafOf } from "./cell.ts";
import { allocationAborted } from "./cell-errors.ts";
import { requireControllers, resolveLimits, setLimit } from "./set-limits.ts";

const PREFIX = "cell.";

/** @throws {AuraeError} failed_precondition for a missing controller, invalid_argument for a refused limit, … */
export function allocateCgroup(kernel: Kernel, spec: CellSpec): void {
  const { cgroups } = kernel;
  const { name } = spec;
  const path = `${name}`;
  using undo = new DisposableStack();
  try {
    // What a new group has anyway needs no controller.
    const writes = limitWrites(resolveLimits(kernel, name, spec.limits, PREFIX)).filter(
      ({ isInitial }) => isInitial !== true,
    );
    requireControllers(kernel, name, writes);
    cgroups.create(path);
    undo.defer(() => removeTree(cgroups, path));
    for (const write of writes) {
      setLimit(kernel, name, write, PREFIX);
    }
    if (leafOf(spec) !== path) {
      cgroups.create(leafOf(spec));
    }
  } catch (error) {
    throw allocationAborted(name, error);
  }
  undo.move();
}
