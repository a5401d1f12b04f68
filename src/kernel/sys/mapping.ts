/**
 * Memory that mmap(2) maps into this process, with a view of it. The view is of the memory itself. When the mapping goes,
 * the view is detached, so that a late use is a view of length 0 and not a use of memory that is something else by then;
 * this holds for the thread that owns the mapping. Others get {@link bytesAt}, and have to be done with it before.
 */
import { type Pointer, toArrayBuffer } from "bun:ffi";
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from "../abi/memory.ts";
import { syscall, syscallRaw } from "./syscall.ts";

/** JavaScriptCore's largest ArrayBuffer. */
export const MAX_VIEW_BYTES = 2 ** 32;
/** User space ends there on x86-64 and arm64 with four levels of page tables. */
const ADDRESS_LIMIT = 2 ** 47;

/** What a mapping shows. */
export interface MappedFile {
  readonly fd: number;
  /** A multiple of the page size. */
  readonly offset: number;
  /** Whether writes reach the file; without, they are this mapping's own, page by page. */
  readonly isShared: boolean;
}

export class Mapping implements Disposable {
  readonly address: number;
  readonly #length: number;
  #bytes: Uint8Array;

  /**
   * @param length in bytes, at most {@link MAX_VIEW_BYTES}
   * @param file memory without a file when left out, which is zero, and taken from the machine as it is written
   * @param what for the message of an error
   * @param alignment of the address, in bytes: a power of two; where left out, that of a page
   * @throws {SyscallError} @throws {RangeError} on a length that no view can have
   */
  constructor(length: number, what: string, file?: MappedFile, alignment?: number) {
    checkLength(length, what);
    const flags =
      file === undefined
        ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        : file.isShared
          ? MAP_SHARED
          : MAP_PRIVATE | MAP_NORESERVE;
    const { fd, offset } = file ?? { fd: -1, offset: 0 };
    const object = `${length} bytes for ${what}`;
    const place = alignment === undefined ? 0 : reserve(length, alignment, object);
    const fixed = place === 0 ? 0 : MAP_FIXED;
    try {
      const access = PROT_READ | PROT_WRITE;
      // SAFETY: a fixed place is one that was just reserved for this, and has nothing else in it.
      this.address = syscall("mmap", object, place, length, access, flags | fixed, fd, offset);
    } catch (error) {
      if (place !== 0) {
        syscallRaw("munmap", place, length);
      }
      throw error;
    }
    this.#length = length;
    this.#bytes = bytesAt(this.address, length);
  }

  /** The memory; of length 0 once the mapping is gone. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  [Symbol.dispose](): void {
    if (this.#bytes.length > 0) {
      // The memory moves to a buffer that nobody has, and every view of the old one is empty from now on.
      (this.#bytes.buffer as ArrayBuffer).transfer();
      this.#bytes = new Uint8Array(0);
      // munmap(2) only fails for what is no range of pages.
      syscallRaw("munmap", this.address, this.#length);
    }
  }
}

/** Addresses that nothing else is put at, without memory. @returns the first of them @throws {SyscallError} */
function reserve(length: number, alignment: number, object: string): number {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  const total = length + alignment;
  const from = syscall("mmap", object, 0, total, PROT_NONE, flags, -1, 0);
  const start = Math.ceil(from / alignment) * alignment;
  // What is too much at both ends; nothing, where there is none, is EINVAL.
  syscallRaw("munmap", from, start - from);
  syscallRaw("munmap", start + length, from + total - start - length);
  return start;
}

function checkLength(length: number, what: string): void {
  if (!Number.isInteger(length) || length <= 0 || length > MAX_VIEW_BYTES) {
    throw new RangeError(
      `can't map ${length} bytes for ${what}: a mapping has 1 to ${MAX_VIEW_BYTES} bytes`,
    );
  }
}

/** A view of memory that another thread of this process has mapped, and keeps mapped for as long as the view is used. */
export function bytesAt(address: number, length: number): Uint8Array {
  checkLength(length, `a view at address ${address}`);
  if (!Number.isInteger(address) || address <= 0 || address + length > ADDRESS_LIMIT) {
    throw new RangeError(`not the address of ${length} bytes of user space: ${address}`);
  }
  // SAFETY: no deallocator: the memory stays the mapping's. The caller vouches that it is mapped.
  return new Uint8Array(toArrayBuffer(address as Pointer, 0, length));
}
