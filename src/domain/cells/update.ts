/**
 * Changes limits of a cell that is in use: all of them, or, where the kernel refuses one, none. Only files whose text
 * changes are written. Lowering memory.high or memory.max has the kernel reclaim, and kill, before the write returns.
 */
import { AuraeError, messageOf } from "../../base/errors.ts";
import type { Cgroups } from "../../kernel/cgroup/cgroups.ts";
import { limitWrites } from "../../kernel/cgroup/limit-writes.ts";
import type { CgroupLimits, LimitWrite } from "../../kernel/cgroup/limits.ts";
import { readerOf } from "../../kernel/cgroup/read-limits.ts";
import { type Change, inOrder, textBefore, valueBefore } from "../../kernel/cgroup/write-order.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { cgroupNotFound } from "./cell-errors.ts";
import type { CellName } from "./cell-name.ts";
import { mergeLimits } from "./merge-limits.ts";
import {
  missingFile,
  requireControllers,
  resolveLimits,
  setLimit,
  writeLimit,
} from "./set-limits.ts";

/** The fields of the limits stand in CellServiceUpdateRequest itself. */
const PREFIX = "";

/**
 * @param current what the cell was allocated with and updated to since
 * @param changes what is undefined stays; 0, an empty list and a device without bounds take a limit away
 * @returns the limits of the cell from now on
 * @throws {AuraeError} not_found, invalid_argument for a refused limit, failed_precondition for a missing controller or
 * file; the limits are as before then, or the error says which are not
 */
export function updateLimits(
  kernel: Kernel,
  name: CellName,
  current: CgroupLimits,
  changes: CgroupLimits,
): CgroupLimits {
  if (!kernel.cgroups.exists(`${name}`)) {
    throw cgroupNotFound(name);
  }
  const asked = resolveLimits(kernel, name, changes, PREFIX);
  const limits = mergeLimits(current, changes, (a, b) => isSameDevice(kernel.cgroups, a, b));
  // Devices are written as they are asked for, so those of the whole need not be there any more.
  const writes = neededWrites(
    limitWrites(asked),
    limitWrites({ ...limits, io: { weight: limits.io?.weight } }),
  );
  requireControllers(
    kernel,
    name,
    writes.filter(({ isInitial }) => isInitial !== true),
  );
  const done: Change[] = [];
  try {
    for (const change of inOrder(changesOf(kernel, name, writes))) {
      setLimit(kernel, name, change.write, PREFIX);
      done.push(change);
    }
  } catch (error) {
    throw undone(kernel, name, done, error);
  }
  return limits;
}

function isSameDevice(cgroups: Cgroups, a: string, b: string): boolean {
  try {
    return a === b || cgroups.blockDevice(a) === cgroups.blockDevice(b);
  } catch {
    // ENOENT, ENOTBLK: one that is gone is not the same as one that was just resolved.
    return false;
  }
}

/**
 * The writes for what is asked, with values that take the rest into account (a period alone needs the quota), and the
 * writes of what those set back. What is asked and not in the whole is not in force: a weight while idle.
 */
function neededWrites(asked: readonly LimitWrite[], whole: readonly LimitWrite[]): LimitWrite[] {
  const needed: LimitWrite[] = [];
  for (const write of asked) {
    const found =
      write.device === undefined ? whole.find(({ file }) => file === write.file) : write;
    const reset = whole.find(({ file }) => file === write.resets);
    needed.push(
      ...(found === undefined ? [] : [{ ...found, field: write.field }]),
      ...(reset === undefined ? [] : [reset]),
    );
  }
  return needed.filter(
    (write, at) =>
      write.device !== undefined || needed.findIndex(({ file }) => file === write.file) === at,
  );
}

/** What really changes, with the texts before. */
function changesOf(kernel: Kernel, name: CellName, writes: readonly LimitWrite[]): Change[] {
  const read = readerOf(kernel.cgroups, `${name}`);
  return writes.flatMap((write): Change[] => {
    const before = read(write.file);
    if (before === undefined) {
      if (write.isInitial === true) {
        return [];
      }
      throw missingFile(kernel, name, write.file, write.controller, `${PREFIX}${write.field}`);
    }
    const change = {
      ...{ write, before },
      ...(write.resets === undefined ? {} : { resetBefore: read(write.resets) }),
    };
    return valueBefore(change) === write.value ? [] : [change];
  });
}

/** Puts back what was written, last first. @returns the error to throw, with whatever could not be put back */
function undone(kernel: Kernel, name: CellName, done: readonly Change[], error: unknown): unknown {
  const failures: string[] = [];
  const put = (file: string, value: string | undefined): void => {
    if (value === undefined) {
      return;
    }
    try {
      writeLimit(kernel.cgroups, `${name}`, { file, value });
    } catch (cause) {
      failures.push(messageOf(cause));
    }
  };
  for (const change of done.toReversed()) {
    const { file, resets } = change.write;
    put(file, valueBefore(change));
    if (resets !== undefined && change.resetBefore !== undefined) {
      put(resets, textBefore(resets, change.resetBefore));
    }
  }
  if (failures.length === 0) {
    return error;
  }
  const known = error instanceof AuraeError ? error : undefined;
  return new AuraeError(
    "internal",
    `${messageOf(error)}; and limits of cell '${name}' that were changed before could not be put back: ${failures.join("; ")}`,
    { resource: `${name}`, cause: error, violations: known?.violations ?? [] },
  );
}
