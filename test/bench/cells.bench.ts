/**
 * What a cell costs: `true` in a cell with all namespaces and in one that is there already, against runc, crun and
 * systemd-run; the memory of an empty cell; a thousand cells; and what ten thousand executables leave behind.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  CellService,
  CellServiceAllocateRequestSchema,
  CellServiceFreeRequestSchema,
  CellServiceRunRequestSchema,
  CellServiceStartRequestSchema,
  CellServiceWaitRequestSchema,
} from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { messageOf } from "../../src/base/errors.ts";
import { findCgroup2 } from "../../src/kernel/cgroup/mount-point.ts";
import { TestDaemon } from "../harness/daemon.ts";
import { eventually } from "../harness/eventually.ts";
import { writeBundle } from "./oci-bundle.ts";
import { figuresOf, printFigures, printValue } from "./stats.ts";
import { compileStopwatch, Stopwatch } from "./stopwatch.ts";

const RUNS = 400;
/** So many of one way in a row, then of the next: what another way leaves in the caches counts for a few only. */
const TURN = 20;
/** As many lives as it takes until most of the daemon's code is compiled: a busy machine has them behind it in an hour. */
const WARM_UP_RUNS = 6_000;
const IDLE_CELLS = 200;
/** Until the kernel has given back what a few hundred cells have left: namespaces end one after the other. */
const SETTLE_MS = 8_000;
const CELLS = 1_000;
const EXECUTABLES = 10_000;
const LANES = 8;
const MIB = 1024 * 1024;
const SLEEP = ["/bin/sleep", "100000"];

const daemon = await TestDaemon.start();
const cells = daemon.client(CellService);
const scratch = mkdtempSync(join(tmpdir(), "aurae-bench-"));
const program = writeBundle(scratch);
const prefix = `bench-${crypto.randomUUID().slice(0, 8)}`;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const CLIENT = {
  port: daemon.port,
  ca: daemon.pki("ca.crt"),
  cert: daemon.pki("_signed.client.nova.crt"),
  key: daemon.pki("client.nova.key"),
};

let serial = 0;

/** Methods of CellService with their requests, as words for the stopwatch. */
type Calls = readonly string[];

/** Its name, who times it, and what it is the next time. */
type Way = readonly [string, Stopwatch, () => readonly string[]];

/** Of one turn, in milliseconds. */
function timesOf([, stopwatch, next]: Way): Promise<number[]> {
  return stopwatch.times(Array.from({ length: TURN }, next));
}

function request<D extends DescMessage>(schema: D, init: MessageInitShape<D>): string {
  return Buffer.from(toBinary(schema, create(schema, init))).toString("hex");
}

/** `true` in a cell of its own, from nothing to nothing. */
function wholeCell(): Calls {
  const cellName = `${prefix}-${serial++}`;
  const cell = { name: cellName, isolateProcess: true, isolateNetwork: true };
  const executable = { name: "true", args: [program] };
  return [
    ...["Allocate", request(CellServiceAllocateRequestSchema, { cell })],
    ...["Start", request(CellServiceStartRequestSchema, { cellName, executable })],
    ...["Wait", request(CellServiceWaitRequestSchema, { cellName, executableName: "true" })],
    ...["Free", request(CellServiceFreeRequestSchema, { cellName })],
  ];
}

/** The same, by one call. */
function wholeRun(): Calls {
  const cell = { name: `${prefix}-${serial++}`, isolateProcess: true, isolateNetwork: true };
  const executable = { name: "true", args: [program] };
  return ["Run", request(CellServiceRunRequestSchema, { cell, executable })];
}

function inCell(cellName: string): Calls {
  const executableName = `x${serial++}`;
  const executable = { name: executableName, args: [program] };
  return [
    ...["Start", request(CellServiceStartRequestSchema, { cellName, executable })],
    ...["Wait", request(CellServiceWaitRequestSchema, { cellName, executableName })],
  ];
}

/** The same, by one call. */
function inCellAtOnce(cellName: string): Calls {
  const executable = { name: `x${serial++}`, args: [program] };
  const init = { cellName, executable, untilEnded: true };
  return ["Start", request(CellServiceStartRequestSchema, init)];
}

async function benchRuns(): Promise<void> {
  const peers = {
    "crun run": ["crun", "run", "--bundle", scratch, `${prefix}-peer`],
    "runc run": ["runc", "run", "--bundle", scratch, `${prefix}-peer`],
    "systemd-run --wait": ["systemd-run", "--wait", "--quiet", "/bin/true"],
  };
  const stopwatch = await compileStopwatch(scratch);
  await using runner = Stopwatch.ofPrograms(stopwatch);
  await using client = Stopwatch.ofCalls(stopwatch, CLIENT);
  const host = `${prefix}-host`;
  await cells.allocate({ cell: { name: host, isolateProcess: true, isolateNetwork: true } });
  const ways: Way[] = [
    ["auraed: Run", client, wholeRun],
    ["auraed: Allocate, Start, Wait, Free", client, wholeCell],
    ["auraed: Start until it has ended, in a cell", client, () => inCellAtOnce(host)],
    ["auraed: Start and Wait, in a cell", client, () => inCell(host)],
  ];
  for (const [name, argv] of Object.entries(peers)) {
    try {
      await runner.times([argv]);
      ways.push([`peer: ${name}`, runner, () => argv]);
    } catch (error) {
      console.log(`  peer: ${name}: not to be had here: ${messageOf(error)}`);
    }
  }
  const measure = async (): Promise<Map<string, number[]>> => {
    const samples = new Map(ways.map(([name]) => [name, [] as number[]]));
    for (let turn = 0; turn < RUNS / TURN; turn++) {
      for (const way of ways) {
        samples.get(way[0])?.push(...(await timesOf(way)));
      }
    }
    return samples;
  };
  const ours = ways.filter(([name]) => name.startsWith("auraed"));
  const cold = await measure();
  for (let turn = 0; turn < WARM_UP_RUNS / TURN; turn++) {
    for (const way of ours) {
      await timesOf(way);
    }
  }
  const warm = await measure();
  const ended = 2 * (WARM_UP_RUNS + 2 * RUNS);
  const freeMs = await timed(() => cells.free({ cellName: host }));
  for (const [name] of ours) {
    printFigures(`${name}: its first ${RUNS}`, "ms", cold.get(name) ?? []);
    printFigures(`${name}: after ${WARM_UP_RUNS}`, "ms", warm.get(name) ?? []);
  }
  for (const [name] of ways.slice(ours.length)) {
    printFigures(name, "ms", warm.get(name) ?? []);
  }
  const median = (name: string): number => figuresOf(warm.get(name) ?? []).median;
  for (const peer of ["crun run", "runc run"].filter((name) => warm.has(`peer: ${name}`))) {
    for (const [name] of ours) {
      printValue(name, "", median(name) / median(`peer: ${peer}`), `of ${peer}`);
    }
  }
  printValue(`Free of a cell with ${ended} executables that have ended`, "ms", freeMs);
}

function usedBytes(): number {
  const text = readFileSync("/proc/meminfo", "utf8");
  const kib = (key: string): number =>
    Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(text)?.[1]);
  return (kib("MemTotal") - kib("MemFree") - kib("Buffers") - kib("Cached")) * 1024;
}

async function residentBytes(): Promise<number> {
  await Bun.sleep(500);
  const text = readFileSync(`/proc/${daemon.pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(text)?.[1]) * 1024;
}

async function inLanes(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      await work(index);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

/** First of all: later, what the daemon itself gives back to the machine meanwhile is as much as what is measured. */
async function benchIdle(): Promise<void> {
  const nameOf = (index: number): string => `${prefix}-idle-${index}`;
  const allocate = (): Promise<void> =>
    inLanes(IDLE_CELLS, (index) =>
      cells.allocate({ cell: { name: nameOf(index), isolateProcess: true, isolateNetwork: true } }),
    );
  const free = (): Promise<void> =>
    inLanes(IDLE_CELLS, (index) => cells.free({ cellName: nameOf(index) }));
  // Once before it counts, which has the daemon take memory that it keeps.
  await allocate();
  await free();
  await Bun.sleep(SETTLE_MS);
  const before = usedBytes();
  await allocate();
  await Bun.sleep(1_000);
  const bytes = (usedBytes() - before) / IDLE_CELLS;
  printValue(
    `an empty isolated cell, by ${IDLE_CELLS} of them`,
    "MiB",
    bytes / MIB,
    "of the machine's memory",
  );
  await free();
}

async function benchThousand(): Promise<void> {
  const nameOf = (index: number): string => `${prefix}-many-${index}`;
  const residentBefore = await residentBytes();
  const each: number[] = [];
  const wholeMs = await timed(() =>
    inLanes(CELLS, async (index) => {
      each[index] = await timed(async () => {
        await cells.allocate({ cell: { name: nameOf(index) } });
        await cells.start({ cellName: nameOf(index), executable: { name: "sleep", args: SLEEP } });
      });
    }),
  );
  printValue(`${CELLS} cells with one executable each`, "s", wholeMs / 1000);
  const last = figuresOf(each.slice(-100)).median;
  const ratio = last / figuresOf(each.slice(0, 100)).median;
  printFigures("of these, each", "ms", each);
  printValue("the last hundred of them", "ms", last, `x${ratio.toFixed(2)} of the first`);
  const grown = (await residentBytes()) - residentBefore;
  printValue("the daemon's memory, a cell", "KiB", grown / CELLS / 1024);
  const lists: number[] = [];
  for (let i = 0; i < 20; i++) {
    lists.push(await timed(() => cells.list({})));
  }
  printFigures(`List of ${CELLS} cells`, "ms", lists);
  await inLanes(CELLS, (index) => cells.free({ cellName: nameOf(index) }));
}

interface Census {
  readonly processes: number;
  readonly descriptors: number;
  readonly groups: number;
  readonly mounts: number;
}

function census(cell: string): Census {
  const group = join(findCgroup2(), cell);
  const groups = readdirSync(group, { recursive: true, withFileTypes: true });
  return {
    processes: readdirSync("/proc").filter((name) => /^\d+$/.test(name)).length,
    descriptors: readdirSync(`/proc/${daemon.pid}/fd`).length,
    groups: groups.filter((entry) => entry.isDirectory()).length,
    mounts: readFileSync(`/proc/${daemon.pid}/mountinfo`, "utf8").split("\n").length,
  };
}

async function benchSequence(): Promise<void> {
  const cellName = `${prefix}-sequence`;
  await cells.allocate({ cell: { name: cellName, isolateProcess: true } });
  const one = async (): Promise<void> => {
    await cells.start({ cellName, executable: { name: "x", args: [program] } });
    await cells.stop({ cellName, executableName: "x" });
  };
  for (let i = 0; i < 500; i++) {
    await one();
  }
  const before = census(cellName);
  const residentBefore = await residentBytes();
  const seconds =
    (await timed(async () => {
      for (let i = 0; i < EXECUTABLES; i++) {
        await one();
      }
    })) / 1000;
  await eventually("the census", () => census(cellName).processes <= before.processes + 2).catch(
    () => undefined,
  );
  const after = census(cellName);
  printValue(
    `${EXECUTABLES} times Start and Stop, one after the other`,
    "/s",
    EXECUTABLES / seconds,
  );
  for (const key of Object.keys(before) as (keyof Census)[]) {
    printValue(`${key} more than before`, "", after[key] - before[key]);
  }
  const grown = (await residentBytes()) - residentBefore;
  printValue("the daemon's memory more than before", "MiB", grown / MIB);
  await cells.free({ cellName });
}

try {
  await benchIdle();
  await benchRuns();
  await benchThousand();
  await benchSequence();
} finally {
  await daemon.stop();
  rmSync(scratch, { recursive: true, force: true });
}
