import { describe, expect, test } from "bun:test";
import { limitWrites } from "./limit-writes.ts";
import type { CgroupLimits } from "./limits.ts";
import { type Change, inOrder, textBefore, valueBefore } from "./write-order.ts";

const changes = (limits: CgroupLimits, before: Readonly<Record<string, string>>): Change[] =>
  limitWrites(limits).map((write) => ({ write, before: before[write.file] ?? "" }));
const order = (limits: CgroupLimits, before: Readonly<Record<string, string>>): string[] =>
  inOrder(changes(limits, before)).map(({ write }) => write.file);

describe("inOrder", () => {
  test("lowers a burst before the quota, and raises it after", () => {
    const before = { "cpu.max": "50000 100000", "cpu.max.burst": "40000" };
    expect(order({ cpu: { max: 20_000n, burst: 10_000n } }, before)).toEqual([
      "cpu.max.burst",
      "cpu.max",
    ]);
    expect(order({ cpu: { max: 90_000n, burst: 60_000n } }, before)).toEqual([
      "cpu.max",
      "cpu.max.burst",
    ]);
  });

  test("makes room in memory and swap before it takes any, and reclaims before it kills", () => {
    const before = { "memory.high": "max", "memory.max": "max", "memory.swap.max": "0" };
    expect(order({ memory: { high: 1n, max: 2n, swapMax: 9n } }, before)).toEqual([
      ...["memory.swap.max", "memory.high", "memory.max"],
    ]);
    const tight = { "memory.high": "5", "memory.max": "5", "memory.swap.max": "9" };
    expect(order({ memory: { high: 1n, max: 9n, swapMax: 0n } }, tight)).toEqual([
      ...["memory.max", "memory.swap.max", "memory.high"],
    ]);
  });
});

describe("valueBefore", () => {
  const value = (limits: CgroupLimits, file: string, before: string): string | undefined => {
    const [change] = changes(limits, { [file]: before });
    return valueBefore(change as Change);
  };

  test("is the text without its newline, and a line for an empty one", () => {
    expect(value({ memory: { max: 1n } }, "memory.max", "max\n")).toBe("max");
    expect(value({ cpuset: { cpus: "1" } }, "cpuset.cpus", "\n")).toBe("\n");
  });

  test("is the line of the device in io.max, and one without bounds when there is none", () => {
    const io = { devices: [{ device: "8:1", readBytes: 1n }] };
    const line = "8:1 rbps=5 wbps=max riops=max wiops=max";
    const other = "8:16 rbps=7 wbps=max riops=max wiops=max";
    expect(value({ io }, "io.max", `${other}\n${line}\n`)).toBe(line);
    expect(value({ io }, "io.max", `${other}\n`)).toBe("8:1 rbps=max wbps=max riops=max wiops=max");
  });

  test("is the default of io.weight, whatever single devices have", () => {
    expect(value({ io: { weight: 1n } }, "io.weight", "default 70\n8:0 5\n")).toBe("default 70");
  });

  test("is nothing for the weight of an idle group, which nobody can write", () => {
    expect(textBefore("cpu.weight", "0\n")).toBeUndefined();
  });
});
