/** The cpuset controller: cpuset.cpus and cpuset.mems. */
import type { CpusetLimits, LimitWrite } from "./limits.ts";

export function cpusetWrites(limits: CpusetLimits): LimitWrite[] {
  return (["cpus", "mems"] as const).flatMap((key) => {
    const value = limits[key];
    const file = `cpuset.${key}`;
    // A new group's list is empty, which means its parent's; an empty write would say the same.
    return value === undefined || value === ""
      ? []
      : [{ controller: "cpuset" as const, file, value, field: file }];
  });
}
