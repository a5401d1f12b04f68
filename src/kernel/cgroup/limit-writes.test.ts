import { describe, expect, test } from "bun:test";
import { limitWrites } from "./limit-writes.ts";
import type { CgroupLimits } from "./limits.ts";

const written = (limits: CgroupLimits): string[] =>
  limitWrites(limits).map(({ file, value }) => `${file}=${value}`);

describe("limitWrites", () => {
  test("of no limits is nothing", () => {
    expect(written({})).toEqual([]);
    expect(written({ cpu: {}, cpuset: {}, memory: {} })).toEqual([]);
  });

  test.each([
    [{ max: 5000n }, "cpu.max=5000"],
    [{ max: 5000n, period: 10_000n }, "cpu.max=5000 10000"],
    [{ max: 0n }, "cpu.max=max"],
    [{ max: 0n, period: 10_000n }, "cpu.max=max 10000"],
    [{ period: 10_000n }, "cpu.max=max 10000"],
    [{ weight: 10_000n }, "cpu.weight=10000"],
  ] as const)("of cpu %p is %s", (cpu, line) => {
    expect(written({ cpu })).toEqual([line]);
  });

  test("of cpuset is the lists as they are, without the empty ones", () => {
    expect(written({ cpuset: { cpus: "0-3,6", mems: "" } })).toEqual(["cpuset.cpus=0-3,6"]);
  });

  test("of memory is every amount but 0, beyond 2^53 too", () => {
    const memory = { min: 1n, low: 0n, high: 2n, max: 2n ** 63n - 1n };
    expect(written({ memory })).toEqual([
      "memory.min=1",
      "memory.high=2",
      "memory.max=9223372036854775807",
    ]);
  });
});
