import { beforeEach, describe, expect, test } from "bun:test";
import type { CgroupLimits } from "../../kernel/cgroup/limits.ts";
import { createFakeKernel, type FakeKernel } from "../../kernel/fake/fake-kernel.ts";
import { allocateCgroup } from "./allocate.ts";
import { cellSpec } from "./cell.ts";
import { CellName } from "./cell-name.ts";

const ALL = ["cpu", "cpuset", "memory", "pids", "io", "hugetlb"] as const;

const VDA = { device: "/dev/vda", readBytes: 1n };

let kernel: FakeKernel;

beforeEach(() => {
  kernel = createFakeKernel(ALL);
});

const allocate = (limits: CgroupLimits, name = "a"): void =>
  allocateCgroup(kernel, cellSpec({ name: CellName.parse(name), limits }));
const read = (file: string): string => kernel.cgroups.read("a", file).trim();

/** What an allocation fails with; nothing may be left of it. */
function failure(limits: CgroupLimits): unknown {
  try {
    allocate(limits);
  } catch (error) {
    expect(kernel.cgroups.paths).toEqual([]);
    return error;
  }
  throw new Error("it did not fail");
}

describe("allocateCgroup", () => {
  test("writes every limit that there is", () => {
    allocate({
      cpu: { weight: 50n, max: 20_000n, period: 50_000n, burst: 10_000n },
      cpuset: { cpus: "0-1", mems: "0" },
      memory: { min: 1n, low: 2n, high: 3n, max: 4n, swapMax: 0n, oomGroup: true },
      pids: { max: 9n },
      io: { weight: 70n, devices: [{ device: "/dev/vda", readBytes: 5n }] },
      hugetlb: { max: { "2MB": 0n } },
    });
    const expected = {
      ...{ "cpu.weight": "50", "cpu.max": "20000 50000", "cpu.max.burst": "10000" },
      ...{ "cpuset.cpus": "0-1", "cpuset.mems": "0", "memory.min": "1", "memory.low": "2" },
      ...{ "memory.high": "3", "memory.max": "4", "memory.swap.max": "0" },
      ...{ "memory.oom.group": "1", "pids.max": "9", "io.weight": "default 70" },
      ...{ "io.max": "254:0 rbps=5 wbps=max riops=max wiops=max", "hugetlb.2MB.max": "0" },
    };
    for (const [file, text] of Object.entries(expected)) {
      expect([file, read(file)]).toEqual([file, text]);
    }
    expect(kernel.cgroups.changed("a")).toEqual(Object.keys(expected).sort());
  });

  test("writes nothing that a new group has anyway, so that it needs no controller", () => {
    kernel = createFakeKernel([]);
    allocate({
      ...{ cpu: { max: 0n, idle: false, burst: 0n }, cpuset: { cpus: "" }, pids: { max: 0n } },
      memory: { min: 0n, low: 0n, high: 0n, max: 0n, oomGroup: false },
    });
    expect(kernel.cgroups.changed("a")).toEqual([]);
  });

  test("hands down what every cell has, and the controller of huge pages where a limit needs it", () => {
    const { cgroups } = kernel;
    const delegated = (): string[] => [...cgroups.delegate("", [])].sort();
    allocate({});
    expect(delegated()).toEqual(["cpu", "cpuset", "io", "memory", "pids"]);
    allocate({ hugetlb: { max: { "2MB": 0n } } }, "b");
    expect(delegated()).toEqual(["cpu", "cpuset", "hugetlb", "io", "memory", "pids"]);
  });

  test("makes a group idle whatever its weight is", () => {
    allocate({ cpu: { weight: 50n, idle: true } });
    expect(read("cpu.idle")).toBe("1");
  });

  test.each([
    ["cell.cpu.burst", { cpu: { max: 10_000n, burst: 20_000n } }],
    ["cell.cpu.max", { cpu: { max: 1n } }],
    ["cell.cpuset.cpus", { cpuset: { cpus: "0-9" } }],
    ["cell.io.devices[1]", { io: { devices: [VDA, { device: "9:9", readBytes: 1n }] } }],
    ["cell.io.devices[0].device", { io: { devices: [{ device: "/dev/null" }] } }],
    ["cell.io.devices[1].device", { io: { devices: [VDA, { device: "254:0" }] } }],
    ['cell.hugetlb.max["3MB"]', { hugetlb: { max: { "3MB": 1n } } }],
    ['cell.hugetlb.max["../2MB"]', { hugetlb: { max: { "../2MB": 1n } } }],
  ] as const)("answers invalid_argument for a bad %s", (field, limits) => {
    expect(failure(limits)).toMatchObject({ kind: "invalid_argument", violations: [{ field }] });
  });

  test("names the device that is none, and the sizes of pages that there are", () => {
    const io = { devices: [{ device: "/dev/null", readBytes: 1n }] };
    expect(failure({ io })).toMatchObject({
      message: expect.stringContaining('"/dev/null" is not a block device'),
    });
    expect(failure({ hugetlb: { max: { "../2MB": 1n } } })).toMatchObject({
      message: 'cell.hugetlb.max["../2MB"]: must be the size of a huge page, such as 2MB',
    });
    expect(failure({ hugetlb: { max: { "3MB": 1n } } })).toMatchObject({
      message: expect.stringMatching(/no huge pages of this size, but of 1GB, 2MB$/),
    });
  });

  test("answers failed_precondition naming the file that the kernel does not have", () => {
    kernel.cgroups.missingFiles.add("memory.swap.max");
    expect(failure({ memory: { max: 1n, swapMax: 0n } })).toMatchObject({
      kind: "failed_precondition",
      message: expect.stringMatching(
        /limit cell\.memory\.swap_max: this kernel has no memory\.swap\.max;/,
      ),
    });
  });
});
