/**
 * What is kept of a history beside its bytes: whose it is, which processes wrote it, and where its streams ended. One file
 * of a fixed size, written in place: that works on a full disk, too. What does not parse is taken for nothing.
 */
import { closeSync, constants, existsSync, fstatSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { moveAside } from "./folder.ts";
import {
  FILE_MODE,
  MAX_OFFSET,
  METADATA_FILE,
  readPart,
  SAFE,
  STREAM_NAMES,
  type StreamName,
} from "./layout.ts";

/** An executable that wrote into a history. */
export interface Run {
  /** As the host sees it. */
  readonly pid: number;
  /** As its cell sees it. */
  readonly namespacePid: number;
  /** Clock ticks since the boot, as in /proc/pid/stat: with the pid, it names a process for good. */
  readonly startTime: bigint;
  readonly startedMs: number;
}

export type Offsets = Readonly<Record<StreamName, number>>;

export interface StoredRun extends Run {
  /** Where its output begins. */
  readonly from: Offsets;
}

export interface Metadata {
  /** Oldest first. */
  readonly runs: readonly StoredRun[];
  /** Where the streams ended; undefined while something may come. */
  readonly end: Offsets | undefined;
}

const FILE_BYTES = 4_096;

/** Most runs that are remembered. */
export const RUNS_MAX = 16;

export const NO_METADATA: Metadata = { runs: [], end: undefined };

function textOf({ runs, end }: Metadata): string {
  return JSON.stringify({
    version: 1,
    runs: runs.map((run) => ({ ...run, startTime: `${run.startTime}` })),
    end,
  });
}

/** @throws a file system error */
export function writeMetadata(folder: string, metadata: Metadata): void {
  const runs = metadata.runs.slice(-RUNS_MAX);
  const bytes = Buffer.alloc(FILE_BYTES, " ");
  bytes.write(textOf({ ...metadata, runs }));
  const fd = openForWriting(join(folder, METADATA_FILE));
  try {
    writeSync(fd, bytes, 0, bytes.length, 0);
  } finally {
    closeSync(fd);
  }
}

function openForWriting(path: string): number {
  const flags = constants.O_WRONLY | constants.O_CREAT | SAFE;
  try {
    const fd = openSync(path, flags, FILE_MODE);
    const stat = fstatSync(fd);
    if (stat.isFile() && stat.nlink === 1 && stat.size <= FILE_BYTES) {
      return fd;
    }
    closeSync(fd);
  } catch (error) {
    if (!(
      error instanceof Error &&
      "code" in error &&
      /^(ELOOP|EISDIR|ENXIO)$/.test(`${error.code}`)
    )) {
      throw error;
    }
  }
  moveAside(path);
  return openSync(path, flags | constants.O_EXCL, FILE_MODE);
}

export function readMetadata(folder: string): Metadata {
  if (!existsSync(folder)) {
    return NO_METADATA;
  }
  const text = readPart(join(folder, METADATA_FILE), 0, FILE_BYTES)?.toString() ?? "";
  try {
    const value: unknown = JSON.parse(text);
    if (
      typeof value !== "object" ||
      value === null ||
      !("version" in value) ||
      value.version !== 1
    ) {
      return NO_METADATA;
    }
    const runs = "runs" in value && Array.isArray(value.runs) ? value.runs : [];
    return {
      runs: runs.map(runFrom).filter((run) => run !== undefined),
      end: "end" in value ? offsetsFrom(value.end) : undefined,
    };
  } catch {
    return NO_METADATA; // cut, garbage, or not there
  }
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_OFFSET;
}

function offsetsFrom(value: unknown): Offsets | undefined {
  if (typeof value !== "object" || value === null) {
    return undefined;
  }
  const { stdout, stderr } = value as Partial<Record<StreamName, unknown>>;
  return isCount(stdout) && isCount(stderr) ? { stdout, stderr } : undefined;
}

function runFrom(value: unknown): StoredRun | undefined {
  if (typeof value !== "object" || value === null) {
    return undefined;
  }
  const run = value as Partial<Record<keyof StoredRun, unknown>>;
  const { pid, namespacePid, startTime, startedMs } = run;
  const from = offsetsFrom(run.from);
  const isGood =
    isCount(pid) &&
    isCount(namespacePid) &&
    isCount(startedMs) &&
    /^\d{1,20}$/.test(`${startTime}`);
  return isGood && from !== undefined
    ? { pid, namespacePid, startTime: BigInt(`${startTime}`), startedMs, from }
    : undefined;
}

/** The part of each stream that a run wrote: to where the next one begins. */
export function rangesOf(runs: readonly StoredRun[], run: StoredRun) {
  const next = runs[runs.indexOf(run) + 1];
  const range = (stream: StreamName) => ({ from: run.from[stream], to: next?.from[stream] });
  return { [STREAM_NAMES[0]]: range("stdout"), [STREAM_NAMES[1]]: range("stderr") } as const;
}
