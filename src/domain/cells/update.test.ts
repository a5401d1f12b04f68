import { beforeEach, describe, expect, test } from "bun:test";
import type { CgroupLimits } from "../../kernel/cgroup/limits.ts";
import { createFakeKernel, type FakeKernel } from "../../kernel/fake/fake-kernel.ts";
import { allocateCgroup } from "./allocate.ts";
import { cellSpec } from "./cell.ts";
import { CellName } from "./cell-name.ts";
import { mergeLimits } from "./merge-limits.ts";
import { updateLimits } from "./update.ts";

const NAME = CellName.parse("a");

let kernel: FakeKernel;
let limits: CgroupLimits;
/** `file=value` for every write since the allocation. */
let writes: string[];

function use(controllers: Parameters<typeof createFakeKernel>[0], initial: CgroupLimits): void {
  kernel = createFakeKernel(controllers);
  limits = initial;
  allocateCgroup(kernel, cellSpec({ name: NAME, limits }));
  writes = [];
  refuse(() => false);
}

/** Notes every write, and has the kernel refuse some. */
function refuse(isRefused: (write: string) => boolean): void {
  kernel.cgroups.refuseWrite = (_, file, value) => {
    const write = `${file}=${value}`;
    writes.push(write);
    return isRefused(write) ? "EINVAL" : undefined;
  };
}

beforeEach(() => use(["cpu", "cpuset", "memory", "pids", "io", "hugetlb"], {}));

const update = (changes: CgroupLimits): void => {
  limits = updateLimits(kernel, NAME, limits, changes);
};
const read = (file: string): string => kernel.cgroups.read("a", file).trim();

/** The texts of every file that is not as in a new group. */
const snapshot = (): Record<string, string> =>
  Object.fromEntries(kernel.cgroups.changed("a").map((file) => [file, read(file)]));

function failure(changes: CgroupLimits): unknown {
  try {
    update(changes);
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

describe("updateLimits", () => {
  test("changes what is asked for and leaves the rest", () => {
    update({ memory: { max: 100n }, pids: { max: 5n } });
    update({ memory: { high: 50n } });
    expect([read("memory.max"), read("memory.high"), read("pids.max")]).toEqual(["100", "50", "5"]);
    expect(limits).toMatchObject({ memory: { max: 100n, high: 50n }, pids: { max: 5n } });
  });

  test("writes only files whose text changes", () => {
    update({ memory: { max: 100n }, cpuset: { cpus: "0-1" } });
    writes = [];
    update({
      memory: { max: 100n, high: 0n },
      cpuset: { cpus: "0-1", mems: "" },
      pids: { max: 0n },
    });
    expect(writes).toEqual([]);
  });

  test("takes limits away", () => {
    update({
      cpu: { max: 5000n, burst: 10n },
      cpuset: { cpus: "1" },
      memory: { min: 7n, max: 100n, oomGroup: true },
      pids: { max: 5n },
      io: { devices: [{ device: "/dev/vda", readBytes: 9n }] },
    });
    update({
      cpu: { max: 0n, burst: 0n },
      cpuset: { cpus: "" },
      memory: { min: 0n, max: 0n, oomGroup: false },
      pids: { max: 0n },
      io: { devices: [{ device: "254:0" }] },
    });
    const files = ["cpu.max", "cpu.max.burst", "cpuset.cpus", "memory.min", "memory.max"];
    expect([...files, "memory.oom.group", "pids.max", "io.max"].map(read)).toEqual([
      ...["max 100000", "0", "", "0", "max", "0", "max", ""],
    ]);
    expect(limits.io?.devices).toEqual([]);
  });

  test("gives a cell with processes all processors where the kernel takes no empty list", () => {
    kernel.cgroups.join("a/_", 1);
    update({ cpuset: { cpus: "1" } });
    update({ cpuset: { cpus: "" } });
    expect(read("cpuset.cpus")).toBe("0-3");
    refuse((write) => write.startsWith("pids.max="));
    expect(failure({ cpuset: { cpus: "1" }, pids: { max: 1n } })).toMatchObject({
      kind: "invalid_argument",
    });
    expect(read("cpuset.cpus")).toBe("0-3");
  });

  test("keeps the quota when the period changes, and the period when the quota does", () => {
    update({ cpu: { max: 5000n, period: 20_000n } });
    update({ cpu: { period: 40_000n } });
    expect(read("cpu.max")).toBe("5000 40000");
    update({ cpu: { max: 7000n } });
    expect(read("cpu.max")).toBe("7000 40000");
  });

  test("keeps a burst within the quota at every step", () => {
    update({ cpu: { max: 50_000n, burst: 40_000n } });
    update({ cpu: { max: 20_000n, burst: 10_000n } });
    update({ cpu: { max: 90_000n, burst: 60_000n } });
    expect([read("cpu.max"), read("cpu.max.burst")]).toEqual(["90000 100000", "60000"]);
  });

  test("remembers the weight of an idle cell and gives it back", () => {
    update({ cpu: { weight: 300n } });
    update({ cpu: { idle: true } });
    update({ cpu: { weight: 400n } });
    expect(read("cpu.weight")).toBe("0");
    update({ cpu: { idle: false } });
    expect([read("cpu.idle"), read("cpu.weight")]).toEqual(["0", "400"]);
  });

  test("changes the bounds of one device and leaves those of others", () => {
    update({ io: { devices: [{ device: "/dev/vda", readBytes: 9n, writeBytes: 8n }] } });
    update({ io: { weight: 30n } });
    expect(limits.io).toMatchObject({ weight: 30n, devices: [{ device: "/dev/vda" }] });
    update({ io: { devices: [{ device: "254:0", readBytes: 4n }] } });
    expect(read("io.max")).toBe("254:0 rbps=4 wbps=max riops=max wiops=max");
    expect(limits.io?.devices).toEqual([{ device: "254:0", readBytes: 4n }]);
  });

  test("writes nothing and changes nothing for no changes", () => {
    update({ memory: { max: 1n } });
    const before = limits;
    writes = [];
    update({ memory: {}, cpu: {} });
    expect(writes).toEqual([]);
    expect(limits.memory).toEqual(before.memory);
  });
});

describe("updateLimits that fails", () => {
  const OLD: CgroupLimits = {
    cpu: { weight: 300n, max: 50_000n, burst: 20_000n },
    cpuset: { cpus: "0-1" },
    memory: { high: 80n, max: 100n },
    io: { devices: [{ device: "/dev/vda", readBytes: 9n }] },
  };
  const NEW: CgroupLimits = {
    cpu: { idle: true, max: 30_000n, burst: 10_000n },
    cpuset: { cpus: "" },
    memory: { high: 40n, max: 50n, swapMax: 0n },
    pids: { max: 3n },
    io: { weight: 7n, devices: [{ device: "/dev/vda", writeBytes: 1n }] },
    hugetlb: { max: { "2MB": 0n } },
  };

  test("puts back all that was written, whichever write is refused", () => {
    use(["cpu", "cpuset", "memory", "pids", "io", "hugetlb"], OLD);
    update(NEW);
    const all = [...new Set(writes)];
    expect(all.length).toBeGreaterThanOrEqual(11);
    for (const refused of all) {
      use(["cpu", "cpuset", "memory", "pids", "io", "hugetlb"], OLD);
      const before = snapshot();
      let isFirst = true;
      refuse((write) => {
        const isRefused = isFirst && write === refused;
        isFirst &&= !isRefused;
        return isRefused;
      });
      expect(failure(NEW)).toMatchObject({ kind: "invalid_argument" });
      expect(limits).toBe(OLD);
      for (const [file, text] of Object.entries(snapshot())) {
        const initial = { "cpu.idle": "0", "memory.swap.max": "max", "pids.max": "max" };
        const rest = {
          ...initial,
          "io.weight": "default 100",
          "hugetlb.2MB.max": "max",
          ...before,
        };
        expect([refused, file, text]).toEqual([refused, file, Object(rest)[file]]);
      }
    }
  });

  test("names the field as the request has it", () => {
    expect(failure({ cpuset: { cpus: "0-9" } })).toMatchObject({
      ...{ kind: "invalid_argument", violations: [{ field: "cpuset.cpus" }] },
    });
    update({ cpu: { max: 5000n } });
    expect(failure({ cpu: { period: 5n } })).toMatchObject({
      ...{ kind: "invalid_argument", violations: [{ field: "cpu.period" }] },
    });
    const devices = [{ device: "/dev/vda" }, { device: "9:9", readBytes: 1n }];
    expect(failure({ io: { devices } })).toMatchObject({
      ...{ kind: "invalid_argument", violations: [{ field: "io.devices[1]" }] },
    });
  });

  test("tells both causes when what was written can't be put back", () => {
    use(["cpu", "memory"], { memory: { max: 100n } });
    refuse((write) => write === "memory.max=100" || write === "memory.oom.group=1");
    const error = failure({ memory: { max: 200n, oomGroup: true } });
    expect(error).toMatchObject({
      kind: "internal",
      violations: [{ field: "memory.oom_group" }],
      message: expect.stringMatching(
        /refuses "1" for memory\.oom\.group.*; and limits of cell 'a' .* could not be put back: write ".*memory\.max" = "100": EINVAL$/,
      ),
    });
  });

  test("needs the controllers and files of limits, and not those of limits that are taken away", () => {
    use(["cpu"], {});
    kernel.cgroups.missingFiles.add("cpu.max.burst");
    update({ memory: { max: 0n }, cpu: { burst: 0n } });
    expect(failure({ memory: { max: 5n } })).toMatchObject({ kind: "failed_precondition" });
    expect(failure({ cpu: { weight: 5n, burst: 5n } })).toMatchObject({
      kind: "failed_precondition",
      message: expect.stringContaining("this kernel has no cpu.max.burst"),
    });
    expect(writes).toEqual([]);
  });

  test("answers not_found for a cell whose group is gone", () => {
    kernel.cgroups.remove("a/_");
    kernel.cgroups.remove("a");
    expect(failure({ pids: { max: 1n } })).toMatchObject({ kind: "not_found" });
  });
});

describe("mergeLimits", () => {
  test("goes by field, and by size of page", () => {
    const current = { cpu: { weight: 1n }, hugetlb: { max: { "2MB": 1n } } };
    const changes = { cpu: { max: 2n, weight: undefined }, hugetlb: { max: { "1GB": 2n } } };
    expect(mergeLimits(current, changes, () => false)).toMatchObject({
      cpu: { weight: 1n, max: 2n },
      hugetlb: { max: { "2MB": 1n, "1GB": 2n } },
    });
  });
});
