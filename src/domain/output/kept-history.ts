/** A history that nobody writes to any more, or one that was left by an earlier daemon: what is on disk, to be read. */
import { STREAM_NAMES, type StreamName } from "./layout.ts";
import { type Metadata, rangesOf, readMetadata, type StoredRun } from "./metadata.ts";
import { type HistoryView, type Range, readOutput } from "./read-output.ts";
import type { OutputChunk, OutputSource, ReadOptions } from "./sources.ts";
import { findSegments, streamEnd } from "./segments.ts";
import { BlockCache, type StreamView } from "./stream-view.ts";

function viewOf(folder: string | undefined, stream: StreamName, metadata: Metadata): StreamView {
  const segments = folder === undefined ? [] : findSegments(folder, stream);
  const begun = metadata.runs.at(-1)?.from[stream] ?? 0;
  return {
    stream,
    folder: folder ?? "",
    segments,
    end: Math.max(
      folder === undefined ? 0 : streamEnd(folder, stream, segments),
      metadata.end?.[stream] ?? 0,
      begun,
    ),
    isEnded: true,
    live: undefined,
    cache: new BlockCache(),
    flushIndex: () => undefined,
  };
}

export class KeptHistory implements HistoryView, OutputSource {
  readonly executable: string;
  readonly views: HistoryView["views"];
  readonly runs: readonly StoredRun[];

  /**
   * @param folder undefined where nothing was printed, so that nothing is on disk
   * @param known the runs, where they are not on disk
   */
  constructor(folder: string | undefined, executable: string, known: readonly StoredRun[]) {
    this.executable = executable;
    const stored = folder === undefined ? undefined : readMetadata(folder);
    const metadata = stored?.runs.length ? stored : { runs: known, end: stored?.end };
    this.runs = metadata.runs;
    const [stdout, stderr] = STREAM_NAMES;
    this.views = {
      stdout: viewOf(folder, stdout, metadata),
      stderr: viewOf(folder, stderr, metadata),
    };
  }

  /** Whether there is anything that was a history. */
  get isEmpty(): boolean {
    const { stdout, stderr } = this.views;
    return this.runs.length === 0 && stdout.segments.length === 0 && stderr.segments.length === 0;
  }

  read(options: ReadOptions): AsyncIterable<OutputChunk> {
    return readOutput(this, { stdout: { from: 0 }, stderr: { from: 0 } }, options);
  }

  /** The output of one run alone. */
  ofRun(run: StoredRun): OutputSource {
    const ranges: Readonly<Record<StreamName, Range>> = rangesOf(this.runs, run);
    return { executable: this.executable, read: (options) => readOutput(this, ranges, options) };
  }

  flushLive(): void {
    // Nobody writes.
  }

  follow(): Disposable {
    return { [Symbol.dispose]: () => undefined };
  }

  changed(): Promise<void> {
    return Promise.resolve(); // all has ended
  }
}
