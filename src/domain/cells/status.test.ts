import { beforeEach, describe, expect, test } from "bun:test";
import { createFakeKernel, type FakeKernel } from "../../kernel/fake/fake-kernel.ts";
import { allocateCgroup } from "./allocate.ts";
import { cellSpec } from "./cell.ts";
import { CellName } from "./cell-name.ts";
import { freeze } from "./freeze.ts";
import { oomKills, readStatus } from "./status.ts";

const A = CellName.parse("a");

let kernel: FakeKernel;

beforeEach(() => {
  kernel = createFakeKernel(["cpu", "cpuset", "memory", "pids", "io", "hugetlb"]);
});

describe("readStatus", () => {
  test("reads back the limits that a cell was allocated with", () => {
    const limits = {
      cpu: { weight: 50n, max: 20_000n, period: 50_000n, idle: false, burst: 10_000n },
      cpuset: { cpus: "0-1", mems: "0" },
      memory: { min: 1n, low: 2n, high: 3n, max: 4n, swapMax: 0n, oomGroup: true },
      pids: { max: 9n },
      hugetlb: { max: { "2MB": 0n } },
    };
    const bounds = { readBytes: 5n, writeBytes: 6n, readOperations: 7n, writeOperations: 8n };
    const io = (device: string) => ({ weight: 70n, devices: [{ device, ...bounds }] });
    allocateCgroup(kernel, cellSpec({ name: A, limits: { ...limits, io: io("/dev/vda") } }));
    expect(readStatus(kernel, A).limits).toEqual({ ...limits, io: io("254:0") });
  });

  test("has no limits as undefined", () => {
    allocateCgroup(kernel, cellSpec({ name: A, limits: {} }));
    const { limits, usage, pressure, frozen } = readStatus(kernel, A);
    expect(limits.cpu?.max).toBeUndefined();
    expect(limits.memory).toMatchObject({ high: undefined, max: undefined, swapMax: undefined });
    expect(limits.pids).toEqual({ max: undefined });
    expect(usage).toMatchObject({ cpuUsec: 0n, memoryBytes: 0n, oomKills: 0n, processes: 0n });
    expect(pressure.cpu?.some).toEqual({ avg10: 0, avg60: 0, avg300: 0, totalUsec: 0n });
    expect(frozen).toBe(false);
  });

  test("leaves out what the kernel does not have", async () => {
    kernel = createFakeKernel([]);
    for (const file of ["cpu.pressure", "memory.pressure", "io.pressure"]) {
      kernel.cgroups.missingFiles.add(file);
    }
    allocateCgroup(kernel, cellSpec({ name: A, limits: {} }));
    await freeze(kernel, A);
    const { usage, pressure, frozen } = readStatus(kernel, A);
    expect(usage).toMatchObject({ cpuUsec: 0n, memoryBytes: undefined, ioReadBytes: undefined });
    expect(pressure).toEqual({ cpu: undefined, memory: undefined, io: undefined });
    expect(frozen).toBe(true);
  });

  test("answers not_found for a cell whose group is gone", () => {
    expect(() => readStatus(kernel, A)).toThrow("cgroup 'a' not found on host");
  });

  test("says what is wrong with a file that it does not understand", () => {
    allocateCgroup(kernel, cellSpec({ name: A, limits: {} }));
    kernel.cgroups.set("a", { "memory.current": "lots" });
    expect(() => readStatus(kernel, A)).toThrow(
      'read control group "/a": a number expected in "lots',
    );
  });
});

describe("oomKills", () => {
  const killed = (path: string, count: number): void =>
    kernel.cgroups.set(path, { "memory.events.local": `oom 1\noom_kill ${count}` });

  const counted = (cell: Parameters<typeof oomKills>[1]) =>
    Object.fromEntries(oomKills(kernel, cell));

  test("counts those of the cell and of its leaf, and not those below", () => {
    for (const name of [A, CellName.parse("a/b")]) {
      allocateCgroup(kernel, cellSpec({ name, limits: {} }));
    }
    killed("a", 2);
    killed("a/b", 10);
    kernel.cgroups.set("a", { "memory.events": "oom_kill 12" });
    const [a, b] = [
      { cgroup: "a", leaf: "a/_" },
      { cgroup: "a/b", leaf: "a/b/_" },
    ];
    expect(counted(a)).toEqual({ a: 2, "a/_": 0 });
    killed("a/_", 3);
    expect(counted(a)).toEqual({ a: 2, "a/_": 3 });
    expect(counted(b)).toEqual({ "a/b": 10, "a/b/_": 0 });
  });

  test("counts those of executables in a cell without a leaf, and not those below", () => {
    for (const [name, isTransient] of [
      [A, true],
      [CellName.parse("a/b"), false],
    ] as const) {
      allocateCgroup(kernel, cellSpec({ name, limits: {}, isTransient }));
    }
    const cell = { cgroup: "a", leaf: "a" };
    killed("a", 2);
    killed("a/b", 10);
    expect(counted(cell)).toEqual({ a: 2 });
    kernel.cgroups.create("a/exe.x");
    killed("a/exe.x", 3);
    expect(counted(cell)).toEqual({ a: 2, "a/exe.x": 3 });
  });

  test("counts none where nobody counts", () => {
    expect(counted({ cgroup: "gone", leaf: "gone/_" })).toEqual({ gone: 0, "gone/_": 0 });
    expect(counted({ cgroup: "gone", leaf: "gone" })).toEqual({ gone: 0 });
  });
});
