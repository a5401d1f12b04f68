/**
 * The cpu controller: cpu.weight, cpu.max, cpu.idle and cpu.max.burst (Documentation/admin-guide/cgroup-v2.rst, "CPU
 * Interface Files"; Documentation/scheduler/sched-bwc.rst).
 *
 * The kernel refuses a weight for an idle group and gives it the default weight when it stops being idle, so a weight is
 * written after cpu.idle, and not at all while idle. It refuses a burst that is greater than the quota, so a burst is
 * written after cpu.max; see `write-order.ts` for the other way round.
 */
import type { CpuLimits, LimitWrite, ReadFile } from "./limits.ts";
import { amountIn, flagIn, numberIn } from "./text.ts";

export function cpuWrites(limits: CpuLimits): LimitWrite[] {
  const { weight, max, period, idle, burst } = limits;
  const writes: LimitWrite[] = [];
  const add = (file: string, value: string, isInitial: boolean, field: string = file): void => {
    writes.push({ controller: "cpu", file, value, field, isInitial });
  };
  if (idle !== undefined) {
    const value = idle ? "1" : "0";
    writes.push({
      ...{ controller: "cpu", file: "cpu.idle", value, field: "cpu.idle" },
      ...{ isInitial: !idle, resets: "cpu.weight" },
    });
  }
  if (weight !== undefined && idle !== true) {
    add("cpu.weight", String(weight), false);
  }
  if (max !== undefined || period !== undefined) {
    const quota = max === undefined || max === 0n ? "max" : String(max);
    const value = period === undefined ? quota : `${quota} ${period}`;
    add("cpu.max", value, value === "max", max === undefined ? "cpu.period" : "cpu.max");
  }
  if (burst !== undefined) {
    add("cpu.max.burst", String(burst), burst === 0n, "cpu.burst");
  }
  return writes;
}

/** @throws {CgroupTextError} */
export function readCpu(read: ReadFile): CpuLimits {
  const [weight, max, idle, burst] = ["cpu.weight", "cpu.max", "cpu.idle", "cpu.max.burst"].map(
    read,
  );
  const [quota, period] = max?.trim().split(" ") ?? [];
  const isIdle = idle === undefined ? undefined : flagIn(idle);
  return {
    // The kernel shows 0 for an idle group, which is no weight.
    weight: weight === undefined || isIdle === true ? undefined : numberIn(weight),
    max: quota === undefined ? undefined : amountIn(quota),
    period: period === undefined ? undefined : numberIn(period),
    idle: isIdle,
    burst: burst === undefined ? undefined : numberIn(burst),
  };
}
