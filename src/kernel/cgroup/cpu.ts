/** The cpu controller: cpu.weight and cpu.max. */
import type { CpuLimits, LimitWrite } from "./limits.ts";

export function cpuWrites(limits: CpuLimits): LimitWrite[] {
  const writes: LimitWrite[] = [];
  if (limits.weight !== undefined) {
    writes.push({
      controller: "cpu",
      file: "cpu.weight",
      value: String(limits.weight),
      field: "cpu.weight",
    });
  }
  if (limits.max !== undefined || limits.period !== undefined) {
    const quota = limits.max === undefined || limits.max === 0n ? "max" : String(limits.max);
    writes.push({
      controller: "cpu",
      file: "cpu.max",
      value: limits.period === undefined ? quota : `${quota} ${limits.period}`,
      field: limits.max === undefined ? "cpu.period" : "cpu.max",
    });
  }
  return writes;
}
