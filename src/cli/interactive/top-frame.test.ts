import { describe, expect, test } from "bun:test";
import { PLAIN, styleFrom } from "../render/style.ts";
import { type FrameOptions, topFrame } from "./top-frame.ts";
import { type Reading, rowsBetween, sortedRows, type TopRow } from "./top-readings.ts";
import { create } from "@bufbuild/protobuf";
import { CellServiceStatusResponseSchema } from "../../gen/aurae/cells/v0/cells_pb.ts";

const EMPTY: TopRow = {
  name: "",
  isFrozen: false,
  cpuPercent: undefined,
  cpuMaxPercent: undefined,
  memoryBytes: undefined,
  memoryMaxBytes: undefined,
  processes: undefined,
  processesMax: undefined,
  readBytesPerSecond: undefined,
  writtenBytesPerSecond: undefined,
  waitedForCpu: undefined,
  waitedForMemory: undefined,
  waitedForIo: undefined,
};

const ROWS: readonly TopRow[] = [
  {
    ...EMPTY,
    name: "web",
    cpuPercent: 150.04,
    cpuMaxPercent: 200,
    memoryBytes: 60 << 20,
    memoryMaxBytes: 64 << 20,
    processes: 12,
    processesMax: 100,
    readBytesPerSecond: 0,
    writtenBytesPerSecond: 1_500_000,
    waitedForCpu: 12.345,
    waitedForMemory: 0,
    waitedForIo: 100,
  },
  { ...EMPTY, name: "web/a-very-long-name-of-a-cell", isFrozen: true, processes: 0 },
];

function frame(columns: number, options: Partial<FrameOptions> = {}): string {
  const size = { rows: 10, columns };
  return topFrame(ROWS, { size, style: PLAIN, sort: "c", scroll: 0, ...options }).join("\n");
}

describe("topFrame", () => {
  test("shows all columns where there is room", () => {
    expect(frame(130, { note: "q quits" })).toBe(`2 cells, by cpu  q quits
CELL                             CPU                     MEMORY                   PIDS   READ/s  WRITE/s  WAIT CPU     MEM      IO
web                           150.0%  ########..    60.0M/64.0M  #########.     12/100        0     1.4M     12.3%    0.0%  100.0%
web/a-very-long-na… (frozen)       -                          -                      0        -        -         -       -       -`);
  });

  test("leaves out what does not fit, and cuts names", () => {
    expect(frame(60)).toBe(`2 cells, by cpu
CELL                          CPU                     MEMORY
web                        150.0%  ########..    60.0M/64.0M
web/a-very-long… (frozen)       -                          -`);
    expect(frame(24)).toBe(`2 cells, by cpu
CELL                 CPU
web               150.0%
web/a-… (frozen)       -`);
  });

  test("is never wider or higher than the terminal", () => {
    for (let columns = 1; columns < 150; columns += 7) {
      for (const style of [PLAIN, styleFrom({ LANG: "C.UTF-8" }, true)]) {
        for (const rows of [1, 2, 3, 40]) {
          const lines = topFrame(ROWS, { size: { rows, columns }, style, sort: "m", scroll: 0 });
          expect(lines.length).toBeLessThanOrEqual(rows);
          for (const line of lines) {
            expect(Bun.stringWidth(line)).toBeLessThanOrEqual(Math.max(columns, 1));
          }
        }
      }
    }
  });

  test("draws bars in eighths and in colours", () => {
    const style = styleFrom({ LANG: "C.UTF-8" }, true);
    const text = frame(130, { style });
    expect(text).toContain("\x1b[33m███████▌\x1b[39m");
    expect(text).toContain("\x1b[31m█████████▍\x1b[39m");
    expect(frame(130, { style: styleFrom({ NO_COLOR: "1" }, true) })).not.toContain("\x1b");
  });

  test("begins at the row that was scrolled to", () => {
    expect(frame(80, { scroll: 1 })).not.toContain("web ");
    expect(frame(80, { scroll: 1 })).toContain("web/a");
  });
});

function reading(atMs: number, cells: Record<string, { cpu: bigint; read?: bigint }>): Reading {
  return {
    atMs,
    cells: new Map(
      Object.entries(cells).map(([name, { cpu, read }]) => [
        name,
        create(CellServiceStatusResponseSchema, {
          cell: { name, cpu: { max: 50_000n } },
          usage: { cpuUsec: cpu, ...(read === undefined ? {} : { ioReadBytes: read }) },
        }),
      ]),
    ),
  };
}

describe("rowsBetween", () => {
  test("makes rates of differences, of the time that went by", () => {
    const rows = rowsBetween(
      reading(1000, { a: { cpu: 0n, read: 100n }, b: { cpu: 900n }, gone: { cpu: 1n } }),
      reading(3000, { b: { cpu: 500n }, a: { cpu: 1_000_000n, read: 4100n }, new: { cpu: 5n } }),
    );
    expect(rows.map(({ name }) => name)).toEqual(["a", "b", "new"]);
    expect(rows[0]).toMatchObject({ cpuPercent: 50, cpuMaxPercent: 50, readBytesPerSecond: 2000 });
    // Freed and made anew in between, or not there at the first reading.
    expect(rows[1]?.cpuPercent).toBeUndefined();
    expect(rows[2]?.cpuPercent).toBeUndefined();
  });
});

test("sortedRows puts the largest first, and what is equal by name", () => {
  const rows = [
    { ...EMPTY, name: "b" },
    { ...EMPTY, name: "a" },
    { ...EMPTY, name: "c", cpuPercent: 1, memoryBytes: 1 },
    { ...EMPTY, name: "d", cpuPercent: 0, memoryBytes: 2 },
  ];
  const names = (sort: Parameters<typeof sortedRows>[1]) =>
    sortedRows(rows, sort)
      .map(({ name }) => name)
      .join("");
  expect(names("c")).toBe("cdab");
  expect(names("m")).toBe("dcab");
  expect(names("n")).toBe("abcd");
});
