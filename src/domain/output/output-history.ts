/**
 * The output of one executable while it is written: two streams, into which pipes are drained, and which anybody reads.
 * Nothing that a writer calls waits, or throws where a file can't be written. Who restarts an executable opens its history again, and goes on with it.
 */
import { log } from "../../base/log.ts";
import { messageOf } from "../../base/errors.ts";
import { Waiters } from "../../base/waiters.ts";
import type { OutputBytes } from "../../kernel/process/processes.ts";
import type { OutputWitness } from "../executables/outputs.ts";
import { ensureFolder } from "./folder.ts";
import { STREAM_NAMES, type StreamName } from "./layout.ts";
import { LiveBlocks } from "./live-blocks.ts";
import {
  type Metadata,
  NO_METADATA,
  type Offsets,
  rangesOf,
  readMetadata,
  type Run,
  RUNS_MAX,
  type StoredRun,
  writeMetadata,
} from "./metadata.ts";
import { type HistoryView, type Range, readOutput } from "./read-output.ts";
import type { OutputChunk, OutputSource, ReadOptions } from "./sources.ts";
import { StreamWriter, type WriterOptions } from "./stream-writer.ts";
import { BlockCache, type StreamView } from "./stream-view.ts";

export interface HistoryOptions extends Omit<WriterOptions, "minEnd"> {
  readonly executable: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly onClose: (history: OutputHistory) => void;
}

/** As {@link Run}, of a process that may have ended long ago, so that nobody knows when it had started. */
export type BegunRun = Omit<Run, "startTime"> & { readonly startTime: bigint | undefined };

/** A stream that is written. */
class OpenStream implements StreamView {
  readonly cache = new BlockCache();
  readonly writer: StreamWriter;
  readonly folder: string;
  live: LiveBlocks | undefined;
  isEnded = false;
  followers = 0;

  constructor(writer: StreamWriter, folder: string) {
    this.writer = writer;
    this.folder = folder;
  }

  get stream(): StreamName {
    return this.writer.stream;
  }

  get segments() {
    return this.writer.segments;
  }

  get end(): number {
    return this.writer.end;
  }

  flushIndex(): void {
    this.writer.flushIndex();
  }
}

export class OutputHistory implements HistoryView, OutputSource {
  readonly executable: string;
  readonly views: Readonly<Record<StreamName, OpenStream>>;
  readonly #options: HistoryOptions;
  readonly #waiters = new Waiters();
  #runs: readonly StoredRun[];
  /** Whether what stands beside the bytes is to be written before the next of them. */
  #isUnstored = false;
  /** Whether there may be something of it on disk. */
  #mayHaveFiles: boolean;
  #order = 0;
  /** How many readers want both streams in order. */
  #mergers = 0;
  #isClosed = false;

  /** Goes on with what is on disk. Writes nothing yet. */
  constructor(options: HistoryOptions) {
    this.#options = options;
    this.executable = options.executable;
    this.#mayHaveFiles = options.isNew !== true;
    const { runs, end } = options.isNew === true ? NO_METADATA : readMetadata(options.folder);
    this.#runs = runs;
    const open = (stream: StreamName) => {
      const minEnd = Math.max(end?.[stream] ?? 0, runs.at(-1)?.from[stream] ?? 0);
      return new OpenStream(new StreamWriter(stream, { ...options, minEnd }), options.folder);
    };
    this.views = { stdout: open("stdout"), stderr: open("stderr") };
  }

  get folder(): string {
    return this.#options.folder;
  }

  get runs(): readonly StoredRun[] {
    return this.#runs;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Bytes on disk, without what stands beside them. */
  get keptBytes(): number {
    const sizes = STREAM_NAMES.flatMap((name) => this.views[name].segments.map(({ size }) => size));
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  get mayHaveFiles(): boolean {
    return this.#mayHaveFiles;
  }

  /** How much of the output could not be kept since this was opened. */
  get lostBytes(): number {
    return this.views.stdout.writer.lostBytes + this.views.stderr.writer.lostBytes;
  }

  /** Bytes that are kept of each stream. Takes effect when the next segment begins. */
  set maxBytes(bytes: number) {
    for (const name of STREAM_NAMES) {
      this.views[name].writer.maxBytes = bytes;
    }
  }

  /**
   * Says which process writes from now on. That it does is kept with its first output: most executables never print a
   * thing, and folders and files cost more than all else that a start does.
   */
  begin({ startTime, ...rest }: BegunRun): void {
    const last = this.#runs.at(-1);
    if (last?.pid === rest.pid && (startTime === undefined || last.startTime === startTime)) {
      return; // taken up again
    }
    const run: Run = { ...rest, startTime: startTime ?? 0n };
    const isOnDisk = this.#runs.length > 0 && !this.#isUnstored;
    this.#runs = [...this.#runs, { ...run, from: this.#ends }].slice(-RUNS_MAX);
    this.#isUnstored = true;
    if (isOnDisk) {
      this.#store(undefined);
    }
  }

  /**
   * Takes some of what waits in a pipe: all of it, in most cases. After the end of the stream it is thrown away.
   * @param witness sees what is taken
   * @throws {SyscallError} where the pipe can't be read
   */
  drain(stream: StreamName, waiting: OutputBytes, witness?: OutputWitness): void {
    const view = this.views[stream];
    if (view.isEnded) {
      waiting.take();
      return;
    }
    if (this.#isUnstored) {
      this.#store(undefined);
    }
    const timeMs = this.#options.now();
    if (this.#mergers > 0) {
      // What came before on the other stream stays before this.
      this.views[stream === "stdout" ? "stderr" : "stdout"].live?.flush();
    }
    const { live } = view;
    const tell = (bytes: Uint8Array): void => {
      live?.add(bytes, timeMs);
      witness?.(bytes);
    };
    view.writer.drain(waiting, timeMs, live === undefined ? witness : tell);
    if (live !== undefined && live.addedEnd !== view.end) {
      // The file was cut while it was written. So it is for those who read it to tell.
      live.close();
      view.live = this.#liveFrom(view.end);
    }
  }

  /** Says that a stream has ended, because all writing ends of its pipe are closed. */
  end(stream: StreamName): void {
    const view = this.views[stream];
    if (!view.isEnded) {
      // Those who follow still have to read it.
      view.live?.flush();
      view.isEnded = true;
      view.writer.close();
      this.#wake();
    }
  }

  /** Ends both streams. What was written stays, to be read by the store. */
  close(): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    for (const stream of STREAM_NAMES) {
      this.end(stream);
    }
    if (this.#runs.length > 0 && !this.#isUnstored) {
      this.#store(this.#ends);
    }
    this.#options.onClose(this);
  }

  /** Lets go of everything, as a daemon does that leaves its executables to its successor. */
  abandon(): void {
    this.#isClosed = true;
    for (const stream of STREAM_NAMES) {
      this.end(stream);
    }
  }

  read(options: ReadOptions): AsyncIterable<OutputChunk> {
    return readOutput(this, { stdout: { from: 0 }, stderr: { from: 0 } }, options);
  }

  /** The output of one run alone. */
  ofRun(run: StoredRun): OutputSource {
    const ranges: Readonly<Record<StreamName, Range>> = rangesOf(this.#runs, run);
    return { executable: this.executable, read: (options) => readOutput(this, ranges, options) };
  }

  flushLive(): void {
    for (const stream of STREAM_NAMES) {
      this.views[stream].live?.flush();
    }
  }

  follow(streams: readonly StreamName[]): Disposable {
    const mergers = streams.length > 1 ? 1 : 0;
    this.#mergers += mergers;
    for (const stream of streams) {
      const view = this.views[stream];
      view.followers += 1;
      if (!view.isEnded) {
        view.live ??= this.#liveFrom(view.end);
      }
    }
    return {
      [Symbol.dispose]: () => {
        this.#mergers -= mergers;
        for (const stream of streams) {
          this.#unfollow(this.views[stream]);
        }
      },
    };
  }

  changed(signal: AbortSignal): Promise<void> {
    return this.#waiters.wait(signal);
  }

  /** How many readers wait; for tests of leaks. */
  get waiterCount(): number {
    return this.#waiters.size;
  }

  get #ends(): Offsets {
    return { stdout: this.views.stdout.end, stderr: this.views.stderr.end };
  }

  #liveFrom(end: number): LiveBlocks {
    const nextOrder = (): number => {
      this.#order += 1;
      return this.#order;
    };
    return new LiveBlocks(end, nextOrder, () => this.#wake());
  }

  #unfollow(view: OpenStream): void {
    view.followers -= 1;
    if (view.followers === 0) {
      view.live?.close();
      view.live = undefined;
      view.cache.clear();
    }
  }

  #wake(): void {
    this.#waiters.wakeAll();
  }

  #store(end: Metadata["end"]): void {
    const { root, relative, folder } = this.#options;
    const metadata = { runs: this.#runs, end };
    this.#isUnstored = false;
    this.#mayHaveFiles = true;
    try {
      try {
        writeMetadata(folder, metadata);
      } catch {
        ensureFolder(root, relative);
        writeMetadata(folder, metadata);
      }
    } catch (error) {
      // ENOSPC, EIO, EROFS: it can't be found by its process id after the daemon's end, and its end is a guess.
      log.warn("could not keep whose output this is", { folder, cause: messageOf(error) });
    }
  }
}
