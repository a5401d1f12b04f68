/** One stream of a history as its readers see it, whether somebody writes to it still or not. */
import { statSync } from "node:fs";
import type { StreamName } from "./layout.ts";
import { readPart } from "./layout.ts";
import type { LiveBlocks } from "./live-blocks.ts";
import { type Segment, segmentPath } from "./segments.ts";
import { INDEX_MAX_BYTES, parseIndex, RECORD_BYTES, type TimeRecord } from "./time-index.ts";

export interface StreamView {
  readonly stream: StreamName;
  readonly folder: string;
  /** Oldest first. The last one may grow. */
  readonly segments: readonly Segment[];
  /** Behind the last byte, lost ones included. */
  readonly end: number;
  /** Whether nothing can come any more. */
  readonly isEnded: boolean;
  /** The newest output in memory, for as long as somebody follows. */
  readonly live: LiveBlocks | undefined;
  readonly cache: BlockCache;
  /** Has the index of the last segment written. */
  flushIndex(): void;
}

/** Bytes that several readers want at a time are read once: the last few blocks that came from the files. */
export class BlockCache {
  static readonly #MAX = 8;
  readonly #blocks = new Map<number, Uint8Array>();

  /** @returns bytes from an offset on, as many as `maxBytes` or fewer; none if they can't be read */
  read(view: StreamView, segment: Segment, offset: number, maxBytes: number): Uint8Array {
    const known = this.#blocks.get(offset);
    if (known !== undefined && known.length <= maxBytes) {
      return known;
    }
    const path = segmentPath(view.folder, view.stream, segment);
    const bytes = readPart(path, offset - segment.start, maxBytes) ?? new Uint8Array(0);
    if (bytes.length > 0) {
      this.#blocks.delete(offset);
      this.#blocks.set(offset, bytes);
      const [oldest] = this.#blocks.keys();
      if (this.#blocks.size > BlockCache.#MAX && oldest !== undefined) {
        this.#blocks.delete(oldest);
      }
    }
    return bytes;
  }

  clear(): void {
    this.#blocks.clear();
  }
}

/** The times of one segment, read once and then as far as its index has grown. */
export class SegmentTimes {
  readonly segment: Segment;
  readonly #view: StreamView;
  readonly #records: TimeRecord[] = [];
  #readBytes = 0;
  /** The record of the last answer. */
  #at = 0;

  constructor(view: StreamView, segment: Segment) {
    this.#view = view;
    this.segment = segment;
    this.update();
  }

  /** Looks for records that were written since. */
  update(): void {
    if (this.segment === this.#view.segments.at(-1)) {
      this.#view.flushIndex();
    }
    const path = segmentPath(this.#view.folder, this.#view.stream, this.segment, "idx");
    const bytes = readPart(path, this.#readBytes, INDEX_MAX_BYTES - this.#readBytes);
    if (bytes !== undefined) {
      const after = this.#records.at(-1)?.offset ?? -1;
      for (const record of parseIndex(bytes, after)) {
        this.#records.push(record);
      }
      this.#readBytes += bytes.length - (bytes.length % RECORD_BYTES);
    }
  }

  /** When the byte at an absolute offset came. */
  timeAt(offset: number): number {
    const at = offset - this.segment.start;
    let low = 0;
    let high = this.#records.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#records[middle]?.offset ?? 0) <= at) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    this.#at = low;
    return this.#records[low]?.timeMs ?? this.#fileTime();
  }

  /** After {@link timeAt}: the first absolute offset behind that one whose byte came later than a time, or infinity. */
  nextLaterThan(timeMs: number): number {
    for (let i = this.#at + 1; i < this.#records.length; i++) {
      const record = this.#records[i];
      if (record !== undefined && record.timeMs > timeMs) {
        return this.segment.start + record.offset;
      }
    }
    return Number.POSITIVE_INFINITY;
  }

  /** The first absolute offset whose byte came at a time or later. */
  firstSince(timeMs: number): number | undefined {
    if (this.#records.length === 0) {
      return this.#fileTime() >= timeMs ? this.segment.start : undefined;
    }
    const index = this.#records.findIndex((record) => record.timeMs >= timeMs);
    const offset = index === 0 ? 0 : this.#records[index]?.offset;
    return offset === undefined || offset >= this.segment.size
      ? undefined
      : this.segment.start + offset;
  }

  /** Without a good index: when the segment was last written to. */
  #fileTime(): number {
    try {
      return Math.floor(
        statSync(segmentPath(this.#view.folder, this.#view.stream, this.segment)).mtimeMs,
      );
    } catch {
      return 0; // ENOENT: removed meanwhile
    }
  }
}
