/**
 * Makes lines of chunks. Bytes stay as they are, a carriage return too; only the newline that ends a line is left out. What
 * has no newline is a partial line: at the end, before a gap, and every 1 MiB of a very long one.
 */

/** The longest piece of a line. */
export const LINE_MAX_BYTES = 1024 * 1024;

/** So many pieces of a line that comes byte by byte are made one. */
const PIECES_MAX = 1_024;

const NEWLINE = 0x0a;

export interface Line {
  readonly bytes: Uint8Array;
  /** When its first byte was read. */
  readonly timeMs: number;
  /** Whether what follows is of the same line. */
  readonly isPartial: boolean;
}

export class LineSplitter {
  /** Pieces of a line whose end has not come. */
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #timeMs = 0;

  /** Whether a line has begun whose end has not come. */
  get hasRest(): boolean {
    return this.#bytes > 0;
  }

  *add(bytes: Uint8Array, timeMs: number): Generator<Line> {
    let at = 0;
    while (at < bytes.length) {
      const newline = bytes.indexOf(NEWLINE, at);
      const room = LINE_MAX_BYTES - this.#bytes;
      if (newline >= 0 && newline - at <= room) {
        yield this.#take(bytes.subarray(at, newline), timeMs, false);
        at = newline + 1;
      } else if (bytes.length - at > room) {
        yield this.#take(bytes.subarray(at, at + room), timeMs, true);
        at += room;
      } else {
        this.#keep(bytes.subarray(at), timeMs);
        return;
      }
    }
  }

  /** What has come of a line whose end has not. */
  rest(): Line | undefined {
    return this.hasRest ? this.#take(new Uint8Array(0), this.#timeMs, true) : undefined;
  }

  #keep(bytes: Uint8Array, timeMs: number): void {
    if (this.#bytes === 0) {
      this.#timeMs = timeMs;
    }
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
    if (this.#pieces.length > PIECES_MAX) {
      this.#pieces = [Buffer.concat(this.#pieces)];
    }
  }

  #take(last: Uint8Array, timeMs: number, isPartial: boolean): Line {
    const first = this.#bytes === 0 ? timeMs : this.#timeMs;
    const bytes = this.#bytes === 0 ? last : Buffer.concat([...this.#pieces, last]);
    this.#pieces = [];
    this.#bytes = 0;
    return { bytes, timeMs: first, isPartial };
  }
}
