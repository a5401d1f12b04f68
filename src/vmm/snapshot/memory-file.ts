/**
 * The guest's memory as a file: its regions one after the other, and nothing where a page is zero, so that the file is no
 * larger than what the guest used. It is mapped again when the machine is restored, and read as the guest touches it.
 */
import { fstatSync, ftruncateSync } from "node:fs";
import { IoVector, writeVectorAt } from "../../kernel/io/io-vector.ts";
import { SyscallError } from "../../kernel/sys/error.ts";
import type { MemoryRegion } from "../memory/guest-memory.ts";
import { PAGE_BYTES } from "../memory-map.ts";
import { StateError } from "../virtio/state.ts";

const ZEROS = Buffer.alloc(256 * 1024);

/** The end of the run of pages from `start` on that are all zero, or all not. */
function endOfRun(
  bytes: Buffer,
  start: number,
): { readonly end: number; readonly isZero: boolean } {
  const isZero = isZeroAt(bytes, start, PAGE_BYTES);
  let end = start + PAGE_BYTES;
  while (end < bytes.length) {
    const block = Math.min(ZEROS.length, bytes.length - end);
    if (isZero && isZeroAt(bytes, end, block)) {
      end += block;
    } else if (isZeroAt(bytes, end, PAGE_BYTES) === isZero) {
      end += PAGE_BYTES;
    } else {
      break;
    }
  }
  return { end, isZero };
}

function isZeroAt(bytes: Buffer, start: number, length: number): boolean {
  return bytes.compare(ZEROS, 0, length, start, start + length) === 0;
}

/** @throws {SyscallError} */
function writeRun(fd: number, vector: IoVector, bytes: Uint8Array, run: Run): void {
  for (let done = 0; done < run.length;) {
    vector.clear();
    vector.add(bytes, run.start + done, run.length - done);
    const count = writeVectorAt(fd, vector, run.position + done);
    if (count <= 0) {
      throw new SyscallError("pwritev", -count, "the snapshot's memory");
    }
    done += count;
  }
}

export interface MemoryWritten {
  readonly memoryBytes: number;
  readonly writtenBytes: number;
}

interface Run {
  readonly start: number;
  readonly length: number;
  readonly position: number;
}

/**
 * Writes the memory of a machine that is paused.
 * @param fd a file, whose content goes
 * @returns how much memory there is, and how much of it is in the file
 * @throws {SyscallError} ENOSPC, EFBIG
 */
export function writeMemoryFile(fd: number, regions: readonly MemoryRegion[]): MemoryWritten {
  const memoryBytes = regions.reduce((sum, { bytes }) => sum + bytes.length, 0);
  ftruncateSync(fd, 0);
  ftruncateSync(fd, memoryBytes);
  const vector = new IoVector(1);
  let position = 0;
  let writtenBytes = 0;
  for (const { bytes } of regions) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let start = 0; start < bytes.length;) {
      const { end, isZero } = endOfRun(buffer, start);
      if (!isZero) {
        writeRun(fd, vector, bytes, { start, length: end - start, position: position + start });
        writtenBytes += end - start;
      }
      start = end;
    }
    position += bytes.length;
  }
  return { memoryBytes, writtenBytes };
}

/** A file that is shorter than the memory would end the monitor at the first page beyond. @throws {StateError} */
export function checkMemoryFile(fd: number, memoryBytes: number): void {
  const stat = fstatSync(fd);
  if (!stat.isFile() || stat.size !== memoryBytes) {
    throw new StateError(
      `the snapshot's memory has ${stat.size} bytes, and the machine ${memoryBytes}; the file is cut, or another's`,
    );
  }
}
