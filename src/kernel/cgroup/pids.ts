/** The pids controller: pids.max. */
import type { LimitWrite, PidsLimits, ReadFile } from "./limits.ts";
import { amountIn } from "./text.ts";

export function pidsWrites({ max }: PidsLimits): LimitWrite[] {
  if (max === undefined) {
    return [];
  }
  const value = max === 0n ? "max" : String(max);
  return [
    { controller: "pids", file: "pids.max", value, field: "pids.max", isInitial: max === 0n },
  ];
}

/** @throws {CgroupTextError} */
export function readPids(read: ReadFile): PidsLimits {
  const max = read("pids.max");
  return { max: max === undefined ? undefined : amountIn(max) };
}
