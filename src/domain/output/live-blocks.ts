/**
 * The newest output of a stream, in memory, for those who follow it: chunks gathered into blocks whose bounds are the same
 * for everybody, so that what is made of a block is made once. It holds nothing while nobody follows, and a bounded
 * amount else; who is slower than that reads from the files.
 */

/** A block is handed out once it has this much. */
const BLOCK_BYTES = 128 * 1024;

/** Longest block. */
const BLOCK_MAX_BYTES = 256 * 1024;

/** Most bytes, and most blocks, that are held. */
const LIVE_MAX_BYTES = 2 * 1024 * 1024;
const LIVE_MAX_BLOCKS = 256;

/** Blocks are handed out no faster than this, unless they are large; the first one after a pause at once. */
const GATHER_MS = 10;

export interface Block {
  /** Absolute offset in the stream. */
  readonly start: number;
  readonly bytes: Uint8Array;
  readonly timeMs: number;
  /** Counts the blocks of both streams of an executable, in the order in which they came. */
  readonly order: number;
}

export class LiveBlocks {
  readonly #publish: () => void;
  readonly #nextOrder: () => number;
  #blocks: Block[] = [];
  #bytes = 0;
  #end: number;
  #staging: Uint8Array | undefined;
  #staged = 0;
  #stagedMs = 0;
  #lastMs = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param start where it begins: the stream's end
   * @param publish told of every new block
   */
  constructor(start: number, nextOrder: () => number, publish: () => void) {
    this.#end = start;
    this.#nextOrder = nextOrder;
    this.#publish = publish;
  }

  /** The first offset that is held; the end if none is. */
  get start(): number {
    return this.#blocks[0]?.start ?? this.#end;
  }

  /** Behind the last byte that was handed out. */
  get end(): number {
    return this.#end;
  }

  /** Behind the last byte that was added. */
  get addedEnd(): number {
    return this.#end + this.#staged;
  }

  /** Takes a copy of the bytes. */
  add(bytes: Uint8Array, timeMs: number): void {
    if (this.#staged === 0) {
      this.#stagedMs = timeMs;
      if (bytes.length >= BLOCK_BYTES) {
        this.#pushAll(bytes, timeMs);
        return;
      }
    }
    if (this.#staged + bytes.length > BLOCK_MAX_BYTES) {
      this.flush();
      this.add(bytes, timeMs);
      return;
    }
    this.#staging ??= new Uint8Array(BLOCK_MAX_BYTES);
    this.#staging.set(bytes, this.#staged);
    this.#staged += bytes.length;
    if (this.#staged >= BLOCK_BYTES) {
      this.flush();
    } else {
      this.#flushSoon();
    }
  }

  /** Hands out what was gathered. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#staged > 0 && this.#staging !== undefined) {
      const bytes = this.#staging.slice(0, this.#staged);
      this.#staged = 0;
      this.#push(bytes, this.#stagedMs);
    }
  }

  /** The block with the byte at an offset. */
  at(offset: number): Block | undefined {
    if (offset < this.start || offset >= this.#end) {
      return undefined;
    }
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#blocks[middle]?.start ?? 0) <= offset) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return this.#blocks[low];
  }

  close(): void {
    this.flush();
    this.#blocks = [];
    this.#staging = undefined;
  }

  #flushSoon(): void {
    const waitMs = this.#lastMs + GATHER_MS - performance.now();
    if (waitMs <= 0) {
      this.flush();
    } else {
      this.#timer ??= setTimeout(() => this.flush(), waitMs);
    }
  }

  #pushAll(bytes: Uint8Array, timeMs: number): void {
    for (let at = 0; at < bytes.length; at += BLOCK_MAX_BYTES) {
      // Not `slice`: that of a Buffer makes no copy.
      this.#push(new Uint8Array(bytes.subarray(at, at + BLOCK_MAX_BYTES)), timeMs);
    }
  }

  #push(bytes: Uint8Array, timeMs: number): void {
    this.#blocks.push({ start: this.#end, bytes, timeMs, order: this.#nextOrder() });
    this.#end += bytes.length;
    this.#bytes += bytes.length;
    while (this.#bytes > LIVE_MAX_BYTES || this.#blocks.length > LIVE_MAX_BLOCKS) {
      this.#bytes -= this.#blocks.shift()?.bytes.length ?? 0;
    }
    this.#lastMs = performance.now();
    this.#publish();
  }
}
