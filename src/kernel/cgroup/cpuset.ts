/** The cpuset controller: cpuset.cpus and cpuset.mems. */
import type { CpusetLimits, LimitWrite, ReadFile } from "./limits.ts";

export function cpusetWrites(limits: CpusetLimits): LimitWrite[] {
  return (["cpus", "mems"] as const).flatMap((key): LimitWrite[] => {
    const list = limits[key];
    const file = `cpuset.${key}`;
    const isInitial = list === "";
    // An empty list is the parent's; the kernel does not notice a write of no bytes.
    const value = isInitial ? "\n" : list;
    return value === undefined
      ? []
      : [{ controller: "cpuset", file, value, field: file, isInitial }];
  });
}

/** The lists that were set, or else what is in force. */
export function readCpuset(read: ReadFile): CpusetLimits {
  const list = (key: string): string | undefined => {
    const set = read(`cpuset.${key}`)?.trim();
    return set === "" ? (read(`cpuset.${key}.effective`)?.trim() ?? "") : set;
  };
  return { cpus: list("cpus"), mems: list("mems") };
}
