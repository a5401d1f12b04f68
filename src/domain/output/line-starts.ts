/** Finds where the last lines of a stream begin, from its end backwards, in pieces; `tail` is made of it. */
import type { SegmentTimes as Times, StreamView } from "./stream-view.ts";
import { SegmentTimes } from "./stream-view.ts";
import { type Segment, segmentAt, segmentPath } from "./segments.ts";
import { readPart } from "./layout.ts";

const PIECE_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

export class LineStarts {
  readonly #view: StreamView;
  readonly #from: number;
  /** Where the last line that was found begins; what is before it ends a line. */
  #lineEnd: number;
  /** What is being searched: bytes from `start` on. */
  #piece: { readonly start: number; readonly bytes: Uint8Array } | undefined;
  #times: Times | undefined;

  /** Looks at bytes `from` to `to`. */
  constructor(view: StreamView, from: number, to: number) {
    this.#view = view;
    this.#from = Math.max(from, view.segments[0]?.start ?? to);
    this.#lineEnd = to;
  }

  /**
   * The absolute offset at which the line before the last answer's begins, or undefined before the first line.
   * @param turn called before each piece is read, so that long searches leave others a turn
   */
  async next(turn: () => Promise<void>): Promise<number | undefined> {
    if (this.#lineEnd <= this.#from) {
      return undefined;
    }
    // The newline that ends this very line is not looked at.
    let at = this.#lineEnd - 1;
    while (at > this.#from) {
      const found = this.#search(at);
      if (found === undefined) {
        await turn();
        if (!this.#load(at)) {
          break;
        }
        continue;
      }
      if (found >= 0) {
        this.#lineEnd = found + 1;
        return this.#lineEnd;
      }
      at = this.#piece?.start ?? this.#from;
    }
    this.#lineEnd = this.#from;
    return this.#from;
  }

  /** When the byte at an offset came. */
  timeAt(offset: number): number {
    const segment = segmentAt(this.#view.segments, offset);
    if (segment === undefined) {
      return 0;
    }
    if (this.#times?.segment !== segment) {
      this.#times = new SegmentTimes(this.#view, segment);
    }
    return this.#times.timeAt(offset);
  }

  /** The offset of the last newline before `end` in the piece that ends there; -1 for none, undefined without a piece. */
  #search(end: number): number | undefined {
    if (this.#piece === undefined) {
      return undefined;
    }
    const { start, bytes } = this.#piece;
    if (end <= start || end > start + bytes.length) {
      return undefined;
    }
    const index = bytes.lastIndexOf(NEWLINE, end - 1 - start);
    return index < 0 ? -1 : start + index;
  }

  /** Reads the piece that ends at an offset, or at the end of the segment before it. */
  #load(end: number): boolean {
    const segment: Segment | undefined = segmentAt(this.#view.segments, end - 1);
    if (segment === undefined || end <= this.#from) {
      return false;
    }
    const stop = Math.min(end, segment.start + segment.size);
    const start = Math.max(segment.start, this.#from, stop - PIECE_BYTES);
    const path = segmentPath(this.#view.folder, this.#view.stream, segment);
    const bytes = readPart(path, start - segment.start, stop - start) ?? new Uint8Array(0);
    // What is missing, in a gap or of a file that was cut, holds no lines.
    const whole = new Uint8Array(end - start);
    whole.set(bytes);
    this.#piece = { start, bytes: whole };
    return true;
  }
}
