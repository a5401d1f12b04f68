/** What a cell has, uses and waits for, read from its control group. */
import { AuraeError } from "../../base/errors.ts";
import type { CgroupLimits } from "../../kernel/cgroup/limits.ts";
import { type CgroupPressure, readPressure } from "../../kernel/cgroup/pressure.ts";
import { readerOf, readLimits } from "../../kernel/cgroup/read-limits.ts";
import { CgroupTextError, numberOf } from "../../kernel/cgroup/text.ts";
import { type CgroupUsage, readUsage } from "../../kernel/cgroup/usage.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { nameOfDirectory } from "../executables/executable-name.ts";
import type { Cell } from "./cell.ts";
import type { CellName } from "./cell-name.ts";
import { isFrozen } from "./freeze.ts";

export interface CellStatus {
  /** As the kernel has them: what is undefined has no limit, or this kernel does not know it. */
  readonly limits: CgroupLimits;
  readonly frozen: boolean;
  /** With all cells below. */
  readonly usage: CgroupUsage;
  readonly pressure: CgroupPressure;
}

/** @throws {AuraeError} not_found, internal for a file that does not have the kernel's form */
export function readStatus(kernel: Kernel, name: CellName): CellStatus {
  const path = `${name}`;
  const read = readerOf(kernel.cgroups, path);
  try {
    return {
      // First, because it tells a group that is gone from one without controllers.
      frozen: isFrozen(kernel, name),
      limits: readLimits(kernel.cgroups, path),
      usage: readUsage(read),
      pressure: readPressure(read),
    };
  } catch (error) {
    if (error instanceof CgroupTextError) {
      const message = `read control group "/${path}": ${error.message}`;
      throw new AuraeError("internal", message, { resource: path, cause: error });
    }
    throw error;
  }
}

/**
 * By control group: how many processes of a cell itself the kernel has killed for want of memory since the group was made,
 * without those of the cells below (memory.events.local, Linux 5.2). Each only grows while its group is there, so whether one of
 * the cell's executables was killed is told by the numbers before its start and after its end. Reads small files.
 *
 * The executables' own groups have no memory controller: their kills are counted for the leaf, or, until there is a
 * cell below, for the cell. Where there is no leaf, they have one once there is a cell beside them.
 * @returns 0 where nobody counts
 */
export function oomKills(
  kernel: Kernel,
  { cgroup, leaf }: Pick<Cell, "cgroup" | "leaf">,
): ReadonlyMap<string, number> {
  const groups = leaf === cgroup ? [cgroup, ...executablesIn(kernel, cgroup)] : [cgroup, leaf];
  return new Map(
    groups.map((group) => {
      const text = readerOf(kernel.cgroups, group)("memory.events.local") ?? "";
      return [group, Number(numberOf(text, "oom_kill") ?? 0n)];
    }),
  );
}

function executablesIn({ cgroups }: Kernel, cgroup: string): string[] {
  return cgroups.exists(cgroup)
    ? cgroups
        .children(cgroup)
        .filter((child) => nameOfDirectory(child) !== undefined)
        .map((child) => `${cgroup}/${child}`)
    : [];
}
