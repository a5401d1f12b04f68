/**
 * Packs a plan for the launcher: a structure, and behind it all that it points to, by the distance from its beginning.
 * There is one message at a time; its memory is kept for the next one, unless it is large.
 */
import type { Block } from "../abi/layout.ts";

/** Of most messages, and of the memory that is kept. */
const FIRST_BYTES = 16 * 1024;
const ALIGNMENT = 8;
/** As many descriptors as the launcher takes (`AU_MAX_SENT`). */
export const MAX_SENT = 96;

const encoder = new TextEncoder();
const kept = new Uint8Array(FIRST_BYTES);
const keptView = new DataView(kept.buffer);
const descriptors = new Int32Array(MAX_SENT);

/** A layout that can be written. */
interface Structure<V> extends Block {
  write(view: DataView, values: V): void;
}

export class PlanMessage {
  #bytes: Uint8Array = kept;
  #view = keptView;
  #length: number;
  #descriptorCount = 0;

  /** @param headBytes of the structure that `finish` writes */
  constructor(headBytes: number) {
    this.#length = headBytes;
    this.#bytes.fill(0, 0, headBytes);
  }

  #take(byteLength: number): number {
    const at = Math.ceil(this.#length / ALIGNMENT) * ALIGNMENT;
    const end = at + byteLength;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#length = end;
    return at;
  }

  #word(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
    this.#view.setUint32(at + 4, 0, true);
  }

  /** @returns its place; 0 for nothing */
  bytes(bytes: Uint8Array): number {
    if (bytes.byteLength === 0) {
      return 0;
    }
    const at = this.#take(bytes.byteLength);
    this.#bytes.set(bytes, at);
    return at;
  }

  /** A C string. @throws {RangeError} for a NUL character in it */
  string(text: string): number {
    if (text.includes("\0")) {
      throw new RangeError(`a NUL character in ${JSON.stringify(text)}`);
    }
    // At most three bytes for each UTF-16 unit.
    const at = this.#take(3 * text.length + 1);
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(at));
    this.#bytes[at + written] = 0;
    this.#length = at + written + 1;
    return at;
  }

  /** A null-terminated array of C strings. */
  strings(strings: readonly string[]): number {
    const at = this.#take(8 * (strings.length + 1));
    strings.forEach((text, i) => {
      const place = this.string(text);
      this.#word(at + 8 * i, place);
    });
    this.#word(at + 8 * strings.length, 0);
    return at;
  }

  /** An array of structures. */
  structs<T, V>(structure: Structure<V>, values: readonly T[], fieldsOf: (value: T) => V): number {
    const { size } = structure;
    const at = this.#take(values.length * size);
    this.#bytes.fill(0, at, at + values.length * size);
    for (const [i, value] of values.entries()) {
      // First, since what it points to may move all of it.
      const fields = fieldsOf(value);
      structure.write(new DataView(this.#bytes.buffer, at + i * size, size), fields);
    }
    return values.length === 0 ? 0 : at;
  }

  /** @returns its place in the list of those that go with the message; -1 for none */
  descriptor(descriptor: number | undefined): number {
    if (descriptor === undefined) {
      return -1;
    }
    // One is left for the launch itself.
    if (this.#descriptorCount === MAX_SENT - 1) {
      throw new RangeError(`more than ${MAX_SENT - 1} descriptors`);
    }
    descriptors[this.#descriptorCount] = descriptor;
    this.#descriptorCount += 1;
    return this.#descriptorCount - 1;
  }

  finish(writeHead: (view: DataView, length: number) => void): {
    readonly message: Uint8Array;
    readonly descriptors: Int32Array;
    readonly descriptorCount: number;
  } {
    writeHead(this.#view, this.#length);
    return {
      message: this.#bytes.subarray(0, this.#length),
      descriptors,
      descriptorCount: this.#descriptorCount,
    };
  }
}
