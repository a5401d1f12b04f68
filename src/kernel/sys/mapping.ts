/**
 * Memory that mmap(2) maps into this process, with a view of it. The view is of the memory itself. When the mapping goes,
 * the view is detached, so that a late use is a view of length 0 and not a use of memory that is something else by then;
 * this holds for the thread that owns the mapping. Others get {@link bytesAt}, and have to be done with it before.
 */
import { type Pointer, toArrayBuffer } from "bun:ffi";
import { MAP_ANONYMOUS, MAP_NORESERVE, MAP_PRIVATE, MAP_SHARED } from "../abi/memory.ts";
import { PROT_READ, PROT_WRITE } from "../abi/memory.ts";
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
   * @throws {SyscallError} @throws {RangeError} on a length that no view can have
   */
  constructor(length: number, what: string, file?: MappedFile) {
    checkLength(length, what);
    const flags =
      file === undefined
        ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        : file.isShared
          ? MAP_SHARED
          : MAP_PRIVATE | MAP_NORESERVE;
    const { fd, offset } = file ?? { fd: -1, offset: 0 };
    const object = `${length} bytes for ${what}`;
    this.address = syscall("mmap", object, 0, length, PROT_READ | PROT_WRITE, flags, fd, offset);
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
