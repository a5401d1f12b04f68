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
  const { cpu, cpuset, memory, pids, io, hugetlb } = limits;
  return [
    ...(cpu === undefined ? [] : cpuWrites(cpu)),
    ...(cpuset === undefined ? [] : cpusetWrites(cpuset)),
    ...(memory === undefined ? [] : memoryWrites(memory)),
    ...(pids === undefined ? [] : pidsWrites(pids)),
    ...(io === undefined ? [] : ioWrites(io)),
    ...(hugetlb === undefined ? [] : hugetlbWrites(hugetlb)),
  ];
}
