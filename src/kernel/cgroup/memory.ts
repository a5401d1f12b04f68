/** The memory controller: memory.min, .low, .high, .max, .swap.max and .oom.group. */
import type { LimitWrite, MemoryLimits, ReadFile } from "./limits.ts";
import { amountIn, flagIn } from "./text.ts";

export function memoryWrites(limits: MemoryLimits): LimitWrite[] {
  const { min, low, high, max, swapMax, oomGroup } = limits;
  const writes: LimitWrite[] = [];
  const add = (key: string, value: string, isInitial: boolean, field = key): void => {
    writes.push({
      ...{ controller: "memory", file: `memory.${key}`, value },
      ...{ field: `memory.${field}`, isInitial },
    });
  };
  for (const [key, bytes] of [
    ["min", min],
    ["low", low],
  ] as const) {
    if (bytes !== undefined) {
      add(key, String(bytes), bytes === 0n);
    }
  }
  if (swapMax !== undefined) {
    add("swap.max", String(swapMax), false, "swap_max");
  }
  // `high` before `max`: what can be reclaimed is, before anybody is killed.
  for (const [key, bytes] of [
    ["high", high],
    ["max", max],
  ] as const) {
    if (bytes !== undefined) {
      add(key, bytes === 0n ? "max" : String(bytes), bytes === 0n);
    }
  }
  if (oomGroup !== undefined) {
    add("oom.group", oomGroup ? "1" : "0", !oomGroup, "oom_group");
  }
  return writes;
}

/** @throws {CgroupTextError} */
export function readMemory(read: ReadFile): MemoryLimits {
  const amount = (key: string): bigint | undefined => {
    const text = read(`memory.${key}`);
    return text === undefined ? undefined : amountIn(text);
  };
  const oomGroup = read("memory.oom.group");
  return {
    min: amount("min"),
    low: amount("low"),
    high: amount("high"),
    max: amount("max"),
    swapMax: amount("swap.max"),
    oomGroup: oomGroup === undefined ? undefined : flagIn(oomGroup),
  };
}
