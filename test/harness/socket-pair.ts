/** Two sockets that are connected, and pipes that do not block: the host's side of a device under test. */
import { readSync, writeSync } from "node:fs";
import { O_CLOEXEC, O_NONBLOCK } from "../../src/kernel/abi/open.ts";
import { AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK } from "../../src/kernel/abi/unix.ts";
import { isErrno } from "../../src/kernel/sys/error.ts";
import { FileDescriptor } from "../../src/kernel/sys/fd.ts";
import { syscall } from "../../src/kernel/sys/syscall.ts";

/** socketpair(2), of which neither side blocks. */
export function socketPair(type: number): [FileDescriptor, FileDescriptor] {
  const ends = new Int32Array(2);
  const flags = type | SOCK_NONBLOCK | SOCK_CLOEXEC;
  syscall("socketpair", "for a test", AF_UNIX, flags, 0, ends);
  return [new FileDescriptor(ends[0]!), new FileDescriptor(ends[1]!)];
}

/** pipe2(2): to read from, to write to. */
export function pipePair(): [FileDescriptor, FileDescriptor] {
  const ends = new Int32Array(2);
  syscall("pipe2", "for a test", ends, O_NONBLOCK | O_CLOEXEC);
  return [new FileDescriptor(ends[0]!), new FileDescriptor(ends[1]!)];
}

/** What is there to read now: undefined for nothing, and empty at the end. */
export function readNow(fd: FileDescriptor, most = 1 << 20): Buffer | undefined {
  const bytes = Buffer.alloc(most);
  try {
    return bytes.subarray(0, readSync(fd.number, bytes));
  } catch (error) {
    if (isErrno(error, "EAGAIN")) {
      return undefined;
    }
    throw error;
  }
}

/** Writes what there is room for. @returns how many bytes; none where nobody can read them any more */
export function writeNow(fd: FileDescriptor, bytes: Uint8Array): number {
  try {
    return writeSync(fd.number, bytes);
  } catch (error) {
    if (isErrno(error, "EAGAIN", "EPIPE")) {
      return 0;
    }
    throw error;
  }
}
