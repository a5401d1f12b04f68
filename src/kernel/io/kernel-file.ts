/**
 * Files that the kernel makes up as they are read, such as those in /proc and in control groups. By raw calls: node:fs has
 * room made for a file of any size, which takes longer than all else of it.
 */
import { ERRNO } from "../abi/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "../abi/open.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { cString, syscallRaw } from "../sys/syscall.ts";

const FIRST_BYTES = 4096;

/** For calls, of which there is one at a time. It grows as it needs to. */
let scratch = Buffer.alloc(FIRST_BYTES);

/** @returns all of it, or -errno */
export function readKernelFile(path: string): string | number {
  const fd = syscallRaw("openat", AT_FDCWD, cString(path), O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) {
    return fd;
  }
  using file = new FileDescriptor(fd);
  for (let length = 0; ;) {
    if (length === scratch.length) {
      scratch = Buffer.concat([scratch], length * 2);
    }
    const free = scratch.subarray(length);
    // SAFETY: the kernel writes as much as is free.
    const count = syscallRaw("read", file.number, free, free.length);
    if (count === 0) {
      return scratch.toString("utf8", 0, length);
    }
    if (count < 0 && count !== -ERRNO.EINTR) {
      return count;
    }
    length += Math.max(count, 0);
  }
}
