/** What is read back from a group's files, and that no text of any kind makes a parser do anything but what it says. */
import { describe, expect, test } from "bun:test";
import { readCpu } from "./cpu.ts";
import { readCpuset } from "./cpuset.ts";
import { isHugePageSize, readHugetlb } from "./hugetlb.ts";
import { ioMaxLine, ioWeightLine, parseIoMax, readIo } from "./io.ts";
import type { ReadFile } from "./limits.ts";
import { readMemory } from "./memory.ts";
import { readPids } from "./pids.ts";
import { parsePressure, readPressure } from "./pressure.ts";
import { CgroupTextError, flatKeyed, nestedKeyed, numberOf } from "./text.ts";
import { ioStatSum, readUsage } from "./usage.ts";

const from =
  (files: Readonly<Record<string, string>>): ReadFile =>
  (file) =>
    files[file];

describe("limits are read back", () => {
  test("by readCpu, with no maximum as undefined", () => {
    expect(
      readCpu(
        from({
          ...{ "cpu.weight": "100\n", "cpu.max": "max 100000\n" },
          ...{ "cpu.idle": "0\n", "cpu.max.burst": "0\n" },
        }),
      ),
    ).toEqual({ weight: 100n, max: undefined, period: 100_000n, idle: false, burst: 0n });
    expect(readCpu(from({ "cpu.max": "5000 10000\n" }))).toEqual({
      ...{ weight: undefined, max: 5000n, period: 10_000n, idle: undefined, burst: undefined },
    });
  });

  test("by readCpu, without the weight that an idle group has not", () => {
    expect(readCpu(from({ "cpu.weight": "0\n", "cpu.idle": "1\n" }))).toMatchObject({
      ...{ weight: undefined, idle: true },
    });
  });

  test("by readCpuset, what is in force where nothing was set", () => {
    const files = { "cpuset.cpus": "0-1\n", "cpuset.mems": "\n", "cpuset.mems.effective": "0\n" };
    expect(readCpuset(from(files))).toEqual({ cpus: "0-1", mems: "0" });
    expect(readCpuset(from({}))).toEqual({ cpus: undefined, mems: undefined });
  });

  test("by readMemory, with swap space where the kernel counts it", () => {
    const files = {
      "memory.min": "0\n",
      "memory.max": "9223372036854771712\n",
      "memory.high": "max\n",
    };
    expect(readMemory(from({ ...files, "memory.oom.group": "1\n" }))).toEqual({
      ...{ min: 0n, low: undefined, high: undefined, max: 9223372036854771712n },
      ...{ swapMax: undefined, oomGroup: true },
    });
    expect(readMemory(from({ "memory.swap.max": "0\n" })).swapMax).toBe(0n);
  });

  test("by readPids, readIo and readHugetlb", () => {
    expect(readPids(from({ "pids.max": "77\n" }))).toEqual({ max: 77n });
    const files = {
      ...{ "io.weight": "default 50\n8:0 200\n" },
      "io.max": "254:0 rbps=1048576 wbps=max riops=max wiops=5\n",
    };
    expect(readIo(from(files))).toEqual({
      weight: 50n,
      devices: [
        {
          ...{ device: "254:0", readBytes: 1048576n, writeBytes: undefined },
          ...{ readOperations: undefined, writeOperations: 5n },
        },
      ],
    });
    const names = [
      ...["hugetlb.2MB.max", "hugetlb.1GB.max", "hugetlb.64KB.max", "hugetlb.2MB.rsvd.max"],
      "cgroup.procs",
    ];
    const pages = {
      "hugetlb.2MB.max": "4194304\n",
      "hugetlb.64KB.max": "9223372036854710272\n",
      "hugetlb.1GB.max": "max\n",
      "hugetlb.2MB.rsvd.max": "1\n",
    };
    expect(readHugetlb(from(pages), names)).toEqual({ max: { "2MB": 4194304n } });
  });
});

describe("isHugePageSize", () => {
  test("accepts what can only be a part of a file's name", () => {
    const texts = ["2MB", "1GB", "64KB", "", "MB", "2MB.rsvd", "x/hugetlb.2MB", "../2MB", "2MB\n"];
    expect(texts.filter(isHugePageSize)).toEqual(["2MB", "1GB", "64KB"]);
  });
});

describe("readUsage", () => {
  test("reads what there is, and sums the devices", () => {
    const usage = readUsage(
      from({
        "cpu.stat":
          "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 9\nnr_throttled 3\nthrottled_usec 5\n",
        "memory.current": "4096\n",
        "memory.events": "low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\n",
        "pids.current": "5\n",
        "io.stat":
          "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n254:0 rbytes=10 wbytes=20\n7:0 \n",
      }),
    );
    expect(usage).toEqual({
      ...{ cpuUsec: 30n, cpuUserUsec: 20n, cpuSystemUsec: 10n },
      ...{ cpuThrottledCount: 3n, cpuThrottledUsec: 5n },
      ...{ memoryBytes: 4096n, memoryPeakBytes: undefined, swapBytes: undefined },
      ...{ oomKills: 2n, processes: 5n, ioReadBytes: 11n, ioWrittenBytes: 22n },
    });
  });

  test("has nothing where there is nothing", () => {
    expect(Object.values(readUsage(from({}))).every((value) => value === undefined)).toBe(true);
  });
});

describe("readPressure", () => {
  test("reads shares and totals, and leaves out what the kernel does not tell", () => {
    const some = "some avg10=1.50 avg60=0.00 avg300=100.00 total=18446744073709551615\n";
    expect(readPressure(from({ "cpu.pressure": some }))).toEqual({
      cpu: {
        some: { avg10: 1.5, avg60: 0, avg300: 100, totalUsec: 18446744073709551615n },
        full: undefined,
      },
      memory: undefined,
      io: undefined,
    });
    const both = `${some}full avg10=0.00 avg60=0.00 avg300=0.00 total=1\n`;
    expect(parsePressure(both).full?.totalUsec).toBe(1n);
  });
});

describe("a text that is not as the kernel writes it", () => {
  test("is refused with what was expected", () => {
    expect(() => readPids(from({ "pids.max": "many\n" }))).toThrow(
      'a number expected in "many\\n"',
    );
    expect(() => readCpu(from({ "cpu.idle": "2" }))).toThrow(CgroupTextError);
    expect(() => parseIoMax("sda rbps=1")).toThrow("MAJOR:MINOR");
    expect(() => parsePressure("some avg10=x")).toThrow("avg10 in percent");
  });

  test("is never anything but read or refused, and in no time", () => {
    const start = performance.now();
    for (let round = 0; round < 3000; round += 1) {
      const text = randomText(round);
      for (const [name, parse] of Object.entries(PARSERS)) {
        try {
          parse(text);
        } catch (error) {
          expect([name, text, error]).toEqual([name, text, expect.any(CgroupTextError)]);
        }
      }
    }
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});

const everything =
  (read: (from: ReadFile) => unknown) =>
  (text: string): unknown =>
    read(() => text);

const PARSERS: Readonly<Record<string, (text: string) => unknown>> = {
  readCpu: everything(readCpu),
  readCpuset: everything(readCpuset),
  readMemory: everything(readMemory),
  readPids: everything(readPids),
  readIo: everything(readIo),
  readHugetlb: everything((read) => readHugetlb(read, ["hugetlb.2MB.max", String(read("x"))])),
  readUsage: everything(readUsage),
  readPressure: everything(readPressure),
  parsePressure,
  parseIoMax,
  ioMaxLine: (text) => ioMaxLine(text, "8:0"),
  ioWeightLine,
  ioStatSum: (text) => ioStatSum(text, "rbytes"),
  flatKeyed,
  nestedKeyed,
  numberOf: (text) => numberOf(text, "oom_kill"),
};

const PIECES = [
  ...["some", "full", "avg10=0.00", "avg60=", "total=1", "8:0", "rbytes=1", "rbps=max", "="],
  ...[" ", " ", "\n", "\n", "\t", "\0", "max", "0", "1", "-1", "1e9", "default", "oom_kill"],
  ...["usage_usec", "99999999999999999999999", "__proto__", "constructor", "NaN", "\u{1f600}"],
];

/** Random bytes, or random pieces of what such files have; mulberry32, so that a failure comes again. */
function randomText(seed: number): string {
  let state = seed;
  const below = (bound: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % bound;
  };
  if (seed % 100 === 0) {
    return (PIECES[below(PIECES.length)] ?? "").repeat(20_000);
  }
  const length = below(40);
  return seed % 2 === 0
    ? Buffer.from(Array.from({ length }, () => below(256))).toString("latin1")
    : Array.from({ length }, () => PIECES[below(PIECES.length)]).join("");
}
