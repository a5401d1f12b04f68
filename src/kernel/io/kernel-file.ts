/**
 * Files that the kernel makes up as they are read, such as those in /proc and in control groups. By raw calls: node:fs has
 * room made for a file of any size, which takes longer than all else of it.
 */
import { ERRNO } from "../abi/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "../abi/open.ts";
import { SyscallError } from "../sys/error.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { cString, syscallRaw } from "../sys/syscall.ts";

/** For most files, of which one is read at a time. */
const scratch = Buffer.alloc(4096);

/** @returns all of it @throws {SyscallError} */
export function readKernelFile(path: string): string {
  const text = tryReadKernelFile(path);
  if (typeof text === "number") {
    throw new SyscallError("read", -text, JSON.stringify(path));
  }
  return text;
}

/** @returns all of it, or -errno */
export function tryReadKernelFile(path: string): string | number {
  const fd = syscallRaw("openat", AT_FDCWD, cString(path), O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) {
    return fd;
  }
  using file = new FileDescriptor(fd);
  let buffer = scratch;
  for (let length = 0; ;) {
    if (length === buffer.length) {
      buffer = Buffer.concat([buffer], length * 2);
    }
    const free = buffer.subarray(length);
    // SAFETY: the kernel writes as much as is free.
    const count = syscallRaw("read", file.number, free, free.length);
    if (count === 0) {
      return buffer.toString("utf8", 0, length);
    }
    if (count < 0 && count !== -ERRNO.EINTR) {
      return count;
    }
    length += Math.max(count, 0);
  }
}
