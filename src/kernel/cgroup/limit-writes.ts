/** All that has to be written to a control group to give it these limits, in order. */
import { cpuWrites } from "./cpu.ts";
import { cpusetWrites } from "./cpuset.ts";
import { hugetlbWrites } from "./hugetlb.ts";
import { ioWrites } from "./io.ts";
import type { CgroupLimits, LimitWrite } from "./limits.ts";
import { memoryWrites } from "./memory.ts";
import { pidsWrites } from "./pids.ts";

/** @param limits with every device as `MAJOR:MINOR`, and sizes of huge pages that `isHugePageSize` accepts */
export function limitWrites(limits: CgroupLimits): LimitWrite[] {
  return [
    ...cpuWrites(limits.cpu ?? {}),
    ...cpusetWrites(limits.cpuset ?? {}),
    ...memoryWrites(limits.memory ?? {}),
    ...pidsWrites(limits.pids ?? {}),
    ...ioWrites(limits.io ?? {}),
    ...hugetlbWrites(limits.hugetlb ?? {}),
  ];
}
