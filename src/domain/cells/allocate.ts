/** Makes a cell's control groups, step by step; a step that fails undoes those before it. */
import { AuraeError, messageOf } from "../../base/errors.ts";
import { removeTree } from "../../kernel/cgroup/cgroups.ts";
import { limitWrites } from "../../kernel/cgroup/limit-writes.ts";
import { CONTROLLERS, type LimitWrite } from "../../kernel/cgroup/limits.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { isErrno } from "../../kernel/sys/error.ts";
import { type CellSpec, leafOf } from "./cell.ts";
import type { CellName } from "./cell-name.ts";

/** @throws {AuraeError} failed_precondition for a missing controller, invalid_argument for a refused limit, … */
export function allocateCgroup(kernel: Kernel, spec: CellSpec): void {
  const { cgroups } = kernel;
  const path = `${spec.name}`;
  const writes = limitWrites(spec.limits);
  using undo = new DisposableStack();
  try {
    requireControllers(kernel, spec.name, writes);
    cgroups.create(path);
    undo.defer(() => removeTree(cgroups, path));
    for (const write of writes) {
      setLimit(kernel, spec.name, write);
    }
    cgroups.create(leafOf(spec.name));
  } catch (error) {
    throw aborted(spec.name, error);
  }
  undo.move();
}

/** Hands every controller down to the cell, as far as there are any, and insists on those that its limits need. */
function requireControllers(kernel: Kernel, name: CellName, writes: readonly LimitWrite[]): void {
  for (const ancestor of ["", ...name.ancestors.map(String)]) {
    const delegated = kernel.cgroups.delegate(ancestor, CONTROLLERS);
    const unmet = writes.find((write) => !delegated.has(write.controller));
    if (unmet !== undefined) {
      throw new AuraeError(
        "failed_precondition",
        `cell '${name}' can't have the limit ${unmet.field}: control group "/${ancestor}" has no '${unmet.controller}' controller for it; free the controller from cgroup version 1, enable it in the kernel, or leave the limit out`,
        { resource: `${name}` },
      );
    }
  }
}

function setLimit(kernel: Kernel, name: CellName, write: LimitWrite): void {
  try {
    kernel.cgroups.write(`${name}`, write);
  } catch (error) {
    if (isErrno(error, "EINVAL", "ERANGE", "ENODEV", "EOPNOTSUPP")) {
      throw new AuraeError(
        "invalid_argument",
        `cell.${write.field}: the kernel refuses ${JSON.stringify(write.value)} for ${write.file}: ${messageOf(error)}`,
        {
          resource: `${name}`,
          cause: error,
          violations: [
            {
              field: `cell.${write.field}`,
              description: `the kernel refuses ${JSON.stringify(write.value)} for ${write.file}`,
            },
          ],
        },
      );
    }
    throw error;
  }
}

function aborted(name: CellName, error: unknown): AuraeError {
  if (error instanceof AuraeError) {
    return error;
  }
  const kind = isErrno(error, "EAGAIN", "ENOSPC", "ENOMEM") ? "resource_exhausted" : "internal";
  return new AuraeError(kind, `cell '${name}' allocation was aborted: ${messageOf(error)}`, {
    resource: `${name}`,
    cause: error,
  });
}
