/** All that has to be written to a new control group to give it these limits, in order. */
import { cpuWrites } from "./cpu.ts";
import { cpusetWrites } from "./cpuset.ts";
import type { CgroupLimits, LimitWrite } from "./limits.ts";
import { memoryWrites } from "./memory.ts";

export function limitWrites(limits: CgroupLimits): LimitWrite[] {
  return [
    ...cpuWrites(limits.cpu ?? {}),
    ...cpusetWrites(limits.cpuset ?? {}),
    ...memoryWrites(limits.memory ?? {}),
  ];
}
