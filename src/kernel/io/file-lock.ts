/**
 * Locks on whole files that belong to an open descriptor and to all its duplicates (F_OFD_SETLK, fcntl(2)): a process that
 * is handed one keeps the file locked for as long as it has it, whoever locked it. Advisory: for those who ask.
 */
import { ERRNO } from "../abi/errno.ts";
import { F_OFD_SETLK, F_RDLCK, F_WRLCK, FLOCK } from "../abi/open.ts";
import { SyscallError } from "../sys/error.ts";
import type { FileDescriptor } from "../sys/fd.ts";
import { syscallRaw } from "../sys/syscall.ts";

/**
 * @param kind `shared` with others who only read, or for one alone, who has to be able to write
 * @returns whether it is ours now; not when somebody else has one that is in the way
 * @throws {SyscallError}
 */
export function lockFile(file: FileDescriptor, kind: "shared" | "exclusive"): boolean {
  const lock = FLOCK.make({ l_type: kind === "shared" ? F_RDLCK : F_WRLCK });
  // SAFETY: the kernel reads the structure until the call returns. From 0 for a length of 0 is all of the file.
  const result = syscallRaw("fcntl", file.number, F_OFD_SETLK, lock);
  if (result === -ERRNO.EAGAIN || result === -ERRNO.EACCES) {
    return false;
  }
  if (result < 0) {
    throw new SyscallError("fcntl", -result, "F_OFD_SETLK");
  }
  return true;
}
