import { describe, expect, test } from "bun:test";
import { limitWrites } from "./limit-writes.ts";
import type { CgroupLimits } from "./limits.ts";

const written = (limits: CgroupLimits): string[] =>
  limitWrites(limits).map(({ file, value }) => `${file}=${value}`);
const initial = (limits: CgroupLimits): string[] =>
  limitWrites(limits).flatMap(({ file, isInitial }) => (isInitial === true ? [file] : []));

describe("limitWrites", () => {
  test("of no limits is nothing", () => {
    expect(written({})).toEqual([]);
    const none = { cpu: {}, cpuset: {}, memory: {}, pids: {}, io: {}, hugetlb: {} };
    expect(written(none)).toEqual([]);
  });

  test.each([
    [{ max: 5000n }, "cpu.max=5000"],
    [{ max: 5000n, period: 10_000n }, "cpu.max=5000 10000"],
    [{ max: 0n }, "cpu.max=max"],
    [{ max: 0n, period: 10_000n }, "cpu.max=max 10000"],
    [{ period: 10_000n }, "cpu.max=max 10000"],
    [{ weight: 10_000n }, "cpu.weight=10000"],
    [{ idle: true }, "cpu.idle=1"],
    [{ burst: 0n }, "cpu.max.burst=0"],
  ] as const)("of cpu %p is %s", (cpu, line) => {
    expect(written({ cpu })).toEqual([line]);
  });

  test("of cpu gives the burst after the quota that it must not exceed", () => {
    expect(written({ cpu: { burst: 2000n, max: 5000n } })).toEqual([
      "cpu.max=5000",
      "cpu.max.burst=2000",
    ]);
  });

  test("of cpu gives the weight after cpu.idle, which sets it back, and none while idle", () => {
    const weight = 50n;
    expect(written({ cpu: { weight, idle: false } })).toEqual(["cpu.idle=0", "cpu.weight=50"]);
    expect(written({ cpu: { weight, idle: true } })).toEqual(["cpu.idle=1"]);
  });

  test("of cpuset is the lists as they are, an empty one as a line, which the kernel notices", () => {
    expect(written({ cpuset: { cpus: "0-3,6", mems: "" } })).toEqual([
      "cpuset.cpus=0-3,6",
      "cpuset.mems=\n",
    ]);
  });

  test("of memory is every amount, 0 as none, beyond 2^53 too", () => {
    const memory = { min: 1n, low: 0n, high: 0n, max: 2n ** 63n - 1n, swapMax: 0n, oomGroup: true };
    expect(written({ memory })).toEqual([
      "memory.min=1",
      "memory.low=0",
      "memory.swap.max=0",
      "memory.high=max",
      "memory.max=9223372036854775807",
      "memory.oom.group=1",
    ]);
  });

  test("of pids is the number, 0 as none", () => {
    expect(written({ pids: { max: 7n } })).toEqual(["pids.max=7"]);
    expect(written({ pids: { max: 0n } })).toEqual(["pids.max=max"]);
  });

  test("of io is a weight, and for each device all four bounds", () => {
    const devices = [{ device: "254:0", readBytes: 1n, writeOperations: 2n }, { device: "8:16" }];
    expect(written({ io: { weight: 7n, devices } })).toEqual([
      "io.weight=default 7",
      "io.max=254:0 rbps=1 wbps=max riops=max wiops=2",
      "io.max=8:16 rbps=max wbps=max riops=max wiops=max",
    ]);
    expect(limitWrites({ io: { devices } }).map(({ field }) => field)).toEqual([
      "io.devices[0]",
      "io.devices[1]",
    ]);
  });

  test("of hugetlb is an amount for each size, 0 as none at all", () => {
    expect(written({ hugetlb: { max: { "2MB": 0n, "1GB": 1n << 30n } } })).toEqual([
      "hugetlb.2MB.max=0",
      "hugetlb.1GB.max=1073741824",
    ]);
  });

  test("marks what a new group has anyway, and nothing that is a limit", () => {
    expect(
      initial({
        cpu: { weight: 100n, max: 0n, idle: false, burst: 0n },
        cpuset: { cpus: "", mems: "" },
        memory: { min: 0n, low: 0n, high: 0n, max: 0n, swapMax: 0n, oomGroup: false },
        pids: { max: 0n },
        io: { devices: [{ device: "1:1" }] },
        hugetlb: { max: { "2MB": 0n } },
      }),
    ).toEqual([
      ...["cpu.idle", "cpu.max", "cpu.max.burst", "cpuset.cpus", "cpuset.mems"],
      ...["memory.min", "memory.low", "memory.high", "memory.max", "memory.oom.group"],
      ...["pids.max", "io.max"],
    ]);
    expect(initial({ cpu: { max: 0n, period: 5000n, idle: true, burst: 1n } })).toEqual([]);
    expect(
      initial({ pids: { max: 1n }, io: { devices: [{ device: "1:1", readBytes: 1n }] } }),
    ).toEqual([]);
  });
});
