/**
 * A kernel or an initrd as something that can be read in pieces, so that it goes straight from its file into guest
 * memory. Every read is checked against the size: what an image says of itself is not to be trusted.
 */
import { fstatSync, readSync } from "node:fs";
import { BootError } from "./boot-error.ts";

/** What one call reads at most: the kernel's own bound is 2 GiB less a page (read(2)). */
const MAX_READ_BYTES = 1024 * 1024 * 1024;
const ARCHIVE_ALIGNMENT = 4;

/** What of a file is to be where in memory. The file is long enough, as far as is known. */
export interface FilePart {
  /** Of the file, and of the part, for messages. */
  readonly name: string;
  readonly what: string;
  readonly fd: number;
  readonly offset: number;
  readonly into: Uint8Array;
}

/** Takes note of a part, to read it by and by. */
export type ReadLater = (part: FilePart) => void;

/** Reads some bytes from an offset on; answers how many, 0 at the end. */
type Read = (offset: number, into: Uint8Array) => number;
/** Has bytes that there are in memory by the time that the guest starts. */
type Load = (offset: number, into: Uint8Array, what: string) => void;

export class Image {
  readonly name: string;
  readonly bytes: number;
  readonly #read: Read;
  readonly #load: Load;

  private constructor(name: string, bytes: number, read: Read, load?: Load) {
    this.name = name;
    this.bytes = bytes;
    this.#read = read;
    this.#load = load ?? ((offset, into, what) => this.readInto(offset, into, what));
  }

  /**
   * @param name what messages call it, such as a path
   * @param fd an open file; it stays the caller's, and is read by offset
   * @param later takes what is {@link load}ed, which is read at once when it is left out
   * @throws {BootError} if it is no regular file
   */
  static ofFile(name: string, fd: number, later?: ReadLater): Image {
    const stat = fstatSync(fd);
    if (!stat.isFile()) {
      throw new BootError(`read "${name}": it is not a regular file`);
    }
    const read: Read = (offset, into) =>
      readSync(fd, into, 0, Math.min(into.length, MAX_READ_BYTES), offset);
    const load: Load | undefined =
      later && ((offset, into, what) => later({ name, what, fd, offset, into }));
    return new Image(name, stat.size, read, load);
  }

  static ofBytes(name: string, bytes: Uint8Array): Image {
    return new Image(name, bytes.length, (offset, into) => {
      const part = bytes.subarray(offset, offset + into.length);
      into.set(part);
      return part.length;
    });
  }

  /**
   * Archives one after the other, each at a multiple of four bytes, as the kernel looks for them (init/initramfs.c); what is
   * between them is zero.
   */
  static joined(name: string, parts: readonly Image[]): Image {
    let end = 0;
    const placed = parts.map((image) => {
      const start = Math.ceil(end / ARCHIVE_ALIGNMENT) * ARCHIVE_ALIGNMENT;
      end = start + image.bytes;
      return { image, start, end };
    });
    const load: Load = (offset, into, what) => {
      for (const { image, start, end: partEnd } of placed) {
        const from = Math.max(offset, start);
        const length = Math.min(offset + into.length, partEnd) - from;
        if (length > 0) {
          image.#load(from - start, into.subarray(from - offset, from - offset + length), what);
        }
      }
    };
    const read: Read = (offset, into) => {
      const part = placed.find((it) => offset < it.end);
      if (part === undefined) {
        return 0;
      }
      if (offset < part.start) {
        const zeros = Math.min(part.start - offset, into.length);
        into.fill(0, 0, zeros);
        return zeros;
      }
      return part.image.#read(offset - part.start, into.subarray(0, part.end - offset));
    };
    return new Image(name, end, read, load);
  }

  /**
   * Fills all of `into`.
   * @param what a word for messages, such as "section table"
   * @throws {BootError} if the image ends before
   */
  readInto(offset: number, into: Uint8Array, what: string): void {
    // Written so that no offset, however large, gets past it.
    if (!(offset >= 0 && into.length <= this.bytes - offset)) {
      throw this.cut(what, offset, into.length);
    }
    for (let done = 0; done < into.length;) {
      const count = this.#read(offset + done, into.subarray(done));
      if (count === 0) {
        throw this.cut(what, offset, into.length);
      }
      done += count;
    }
  }

  /**
   * Like {@link readInto}, for what nobody looks at before the guest starts: it may be read later. What is between joined
   * archives is left as it is, which in fresh memory is zero.
   * @throws {BootError} if the image ends before
   */
  load(offset: number, into: Uint8Array, what: string): void {
    if (!(offset >= 0 && into.length <= this.bytes - offset)) {
      throw this.cut(what, offset, into.length);
    }
    this.#load(offset, into, what);
  }

  /** A part of it, in memory of its own. The caller bounds `length`. */
  slice(offset: number, length: number, what: string): DataView {
    if (!(offset >= 0 && length <= this.bytes - offset)) {
      throw this.cut(what, offset, length);
    }
    const bytes = new Uint8Array(length);
    this.readInto(offset, bytes, what);
    return new DataView(bytes.buffer);
  }

  private cut(what: string, offset: number, length: number): BootError {
    return new BootError(
      `read the ${what} of "${this.name}": ${length} bytes at ${offset} are past its end, which is at ${this.bytes}; the file is cut or damaged`,
    );
  }
}
