/**
 * A place in a stream that moves forward, through the files and into what is live. It holds one block of the files at
 * most, no descriptor, and nothing that keeps a segment from being removed.
 */
import type { StreamView } from "./stream-view.ts";
import { SegmentTimes } from "./stream-view.ts";
import { segmentAt } from "./segments.ts";
import type { OutputChunk } from "./sources.ts";

/** Files are read in blocks whose bounds are the same for all readers. */
const BLOCK_BYTES = 256 * 1024;

/** What comes next. */
export interface Head {
  readonly timeMs: number;
  /** Of a live block: its place among those of both streams. */
  readonly order: number | undefined;
  readonly bytes: Uint8Array;
}

export class StreamCursor {
  readonly view: StreamView;
  readonly #limit: number;
  #at: number;
  #missedBytes = 0;
  #head: Head | undefined;
  #block: { readonly start: number; readonly bytes: Uint8Array } | undefined;
  #times: SegmentTimes | undefined;
  /** How many blocks of files it has read. */
  reads = 0;

  /** @param limit where it ends; infinity to go on for as long as something comes */
  constructor(view: StreamView, from: number, limit: number) {
    this.view = view;
    this.#at = from;
    this.#limit = limit;
  }

  /** Whether nothing can come any more. */
  get isAtEnd(): boolean {
    return this.#at >= this.#limit || (this.view.isEnded && this.#at >= this.view.end);
  }

  /** What comes next, if it is there. Moves over what can't be had any more, and counts it as missed. */
  peek(): Head | undefined {
    while (this.#head === undefined && this.#at < this.#limit) {
      const before = this.#at;
      this.#head = this.#liveHead() ?? this.#fileHead();
      if (this.#head === undefined && this.#at === before && !this.#skip()) {
        return undefined;
      }
    }
    return this.#head;
  }

  /** The next bytes, those alone that came no later than a time, but at least one. */
  take(untilMs: number, maxBytes = Number.POSITIVE_INFINITY): OutputChunk | undefined {
    const head = this.peek();
    if (head === undefined) {
      return undefined;
    }
    let { bytes } = head;
    const end = Math.min(this.#limit, this.#lastOffset(head, untilMs));
    const most = Math.min(end - this.#at, maxBytes);
    if (most < bytes.length) {
      bytes = bytes.subarray(0, most);
    }
    return this.#move(bytes, head.timeMs);
  }

  /** What is missing at the end, where nothing follows that could tell of it. */
  takeMissed(): OutputChunk | undefined {
    return this.#missedBytes === 0 ? undefined : this.#move(new Uint8Array(0), 0);
  }

  #move(bytes: Uint8Array, timeMs: number): OutputChunk {
    const { stream } = this.view;
    const chunk = { stream, bytes, timeMs, missedBytes: this.#missedBytes, offset: this.#at };
    this.#missedBytes = 0;
    this.#at += bytes.length;
    this.#head = undefined;
    return chunk;
  }

  /** A live block has one time. */
  #lastOffset(head: Head, untilMs: number): number {
    const isOneTime = head.order !== undefined || untilMs === Number.POSITIVE_INFINITY;
    return isOneTime
      ? Number.POSITIVE_INFINITY
      : (this.#times?.nextLaterThan(untilMs) ?? Number.POSITIVE_INFINITY);
  }

  #liveHead(): Head | undefined {
    const block = this.view.live?.at(this.#at);
    if (block === undefined) {
      return undefined;
    }
    this.#block = undefined;
    this.#times = undefined;
    const { timeMs, order, bytes, start } = block;
    return { timeMs, order, bytes: start === this.#at ? bytes : bytes.subarray(this.#at - start) };
  }

  /** Up to where the files are read: what is live comes from memory. */
  get #filesEnd(): number {
    const { live, end } = this.view;
    return Math.min(live === undefined ? end : live.start, this.#limit);
  }

  #fileHead(): Head | undefined {
    const loaded = this.#loaded();
    if (loaded !== undefined) {
      return this.#headOf(loaded);
    }
    const segment = segmentAt(this.view.segments, this.#at);
    const end = segment === undefined ? 0 : segment.start + segment.size;
    const alignedEnd = (Math.floor(this.#at / BLOCK_BYTES) + 1) * BLOCK_BYTES;
    const most = Math.min(end, alignedEnd, this.#filesEnd) - this.#at;
    if (segment === undefined || most <= 0) {
      return undefined;
    }
    this.reads += 1;
    const bytes = this.view.cache.read(this.view, segment, this.#at, most);
    if (bytes.length === 0) {
      // The file was cut, or is gone.
      const cutEnd = Math.min(end, this.#filesEnd);
      this.#missedBytes += cutEnd - this.#at;
      this.#at = cutEnd;
      return undefined;
    }
    this.#block = { start: this.#at, bytes };
    if (this.#times?.segment === segment) {
      this.#times.update();
    } else {
      this.#times = new SegmentTimes(this.view, segment);
    }
    return this.#headOf(bytes);
  }

  /** What is left of the block that it holds. */
  #loaded(): Uint8Array | undefined {
    if (this.#block !== undefined) {
      const { start, bytes } = this.#block;
      if (this.#at < start + bytes.length) {
        return bytes.subarray(this.#at - start);
      }
      this.#block = undefined;
    }
    return undefined;
  }

  #headOf(bytes: Uint8Array): Head {
    return { timeMs: this.#times?.timeAt(this.#at) ?? 0, order: undefined, bytes };
  }

  /** Moves to the next byte that can be had, or to the end. @returns false if there is neither yet */
  #skip(): boolean {
    const { live, segments, isEnded, end } = this.view;
    const filesEnd = this.#filesEnd;
    const known = live === undefined ? end : live.end;
    const next = Math.min(
      segments.find(({ start }) => start > this.#at && start < filesEnd)?.start ?? this.#limit,
      live !== undefined && live.start > this.#at && live.start < live.end
        ? live.start
        : this.#limit,
      isEnded ? end : this.#limit,
    );
    if (next > known || next <= this.#at) {
      return false;
    }
    this.#missedBytes += next - this.#at;
    this.#at = next;
    return true;
  }
}
