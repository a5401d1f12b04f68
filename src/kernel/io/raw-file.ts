/**
 * A file, or a block device, that is read and written at positions, on memory that is not copied: what a virtual disk
 * is stored in. Calls block, and answer with -errno, since whoever asks hands that on and does not throw.
 */
import { ERRNO } from "../abi/errno.ts";
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE } from "../abi/falloc.ts";
import { SEEK_END } from "../abi/open.ts";
import type { FileDescriptor } from "../sys/fd.ts";
import { syscall, syscallRaw } from "../sys/syscall.ts";
import { IoVector, readVectorAt, writeVectorAt } from "./io-vector.ts";

/** How many zeros one call writes where the file system can't do it by itself. */
const ZEROS_BYTES = 64 * 1024;

export class RawFile implements Disposable {
  readonly #fd: FileDescriptor;
  readonly sizeBytes: number;

  /** Takes the descriptor over. @throws {SyscallError} of what has no size, such as a pipe */
  constructor(fd: FileDescriptor, name: string) {
    this.#fd = fd;
    this.sizeBytes = syscall("lseek", JSON.stringify(name), fd.number, 0, SEEK_END);
  }

  /** @returns the bytes read, less than asked for at the end of the file, or -errno */
  read(vector: IoVector, position: number): number {
    return readVectorAt(this.#fd.number, vector, position);
  }

  /** @returns the bytes written, or -errno */
  write(vector: IoVector, position: number): number {
    return writeVectorAt(this.#fd.number, vector, position);
  }

  /** Everything written is on the disk. @returns 0, or -errno */
  flush(): number {
    return syscallRaw("fdatasync", this.#fd.number);
  }

  /** Gives the range's storage back; it reads as zeros then. @returns 0, or -errno: EOPNOTSUPP where that can't be */
  discard(position: number, length: number): number {
    const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    return syscallRaw("fallocate", this.#fd.number, mode, position, length);
  }

  /** The range reads as zeros. @param mayDiscard whether its storage need not stay @returns 0, or -errno */
  zero(position: number, length: number, mayDiscard: boolean): number {
    if (mayDiscard && this.discard(position, length) === 0) {
      return 0;
    }
    const mode = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
    const result = syscallRaw("fallocate", this.#fd.number, mode, position, length);
    return result === -ERRNO.EOPNOTSUPP ? this.#writeZeros(position, length) : result;
  }

  #writeZeros(position: number, length: number): number {
    const zeros = new Uint8Array(Math.min(length, ZEROS_BYTES));
    const vector = new IoVector(1);
    for (let done = 0; done < length;) {
      vector.clear();
      vector.add(zeros, 0, Math.min(length - done, zeros.length));
      const count = this.write(vector, position + done);
      if (count <= 0) {
        return count === 0 ? -ERRNO.EIO : count;
      }
      done += count;
    }
    return 0;
  }

  [Symbol.dispose](): void {
    this.#fd[Symbol.dispose]();
  }
}
