/** What output can be asked for, and where from: the seam between the histories and those who read them. */
import type { CellName } from "../cells/cell-name.ts";
import type { ExecutableName } from "../executables/executable-name.ts";
import type { StreamName } from "./layout.ts";

export interface ReadOptions {
  /** In order of time if both. */
  readonly streams: readonly StreamName[];
  /** Only what was read at or after this time, in milliseconds since 1970; to the chunk. */
  readonly sinceMs?: number | undefined;
  /** Only so many of the last lines of what is kept. */
  readonly tail?: number | undefined;
  /** Goes on with what comes, until the executable has ended. */
  readonly follow: boolean;
  /**
   * Bounds each chunk to one second of time, so that its time is good for all lines in it, and to 4 KiB, with a turn for
   * everybody else after it: making lines takes its time, which those who write must not wait for.
   */
  readonly forLines?: boolean | undefined;
  readonly signal: AbortSignal;
}

/** Some output of one stream. Shared with other readers: not to be written to. */
export interface OutputChunk {
  readonly stream: StreamName;
  /** Empty at an end where something is missing. */
  readonly bytes: Uint8Array;
  /** When its first byte was read, in milliseconds since 1970. */
  readonly timeMs: number;
  /** Of this stream, how many bytes the reader misses just before these. */
  readonly missedBytes: number;
  /** Absolute offset of its first byte in the stream. */
  readonly offset: number;
}

export interface OutputSource {
  /** The name of the executable, or the id of the virtual machine. */
  readonly executable: string;
  /**
   * First what is kept, then what comes, with neither a gap nor a duplicate between them. Ends when all is read and
   * nothing can come any more, or when the signal aborts. Reading slowly slows nobody, and holds a bounded amount.
   */
  read(options: ReadOptions): AsyncIterable<OutputChunk>;
}

export interface OutputSources {
  /** @param cell undefined for an executable without a cell */
  byName(cell: CellName | undefined, name: ExecutableName): OutputSource | undefined;
  /** Of a virtual machine: its console as the standard output, its serial port as the standard error. */
  byVm(id: string): OutputSource | undefined;
  /** By the id that Start answered with, or the host's. The newest of those that had it, a running one first. */
  byPid(pid: number): OutputSource | undefined;
}
