/** The memory controller: memory.min, memory.low, memory.high and memory.max. */
import type { LimitWrite, MemoryLimits } from "./limits.ts";

export function memoryWrites(limits: MemoryLimits): LimitWrite[] {
  return (["min", "low", "high", "max"] as const).flatMap((key) => {
    const bytes = limits[key];
    const file = `memory.${key}`;
    // 0 means none: no protection and no limit, as in a new group.
    return bytes === undefined || bytes === 0n
      ? []
      : [{ controller: "memory" as const, file, value: String(bytes), field: file }];
  });
}
