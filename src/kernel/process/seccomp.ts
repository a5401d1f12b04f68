/** Puts filters of system calls on threads of this process, for good (seccomp(2)), and says what a violation does. */
import { SOCK_FILTER } from "../abi/filter.ts";
import { SECCOMP_FILTER_FLAG_TSYNC, SECCOMP_SET_MODE_FILTER } from "../abi/seccomp.ts";
import { SyscallError } from "../sys/error.ts";
import { library } from "../sys/library.ts";
import { addressOf } from "../sys/memory.ts";
import { syscall } from "../sys/syscall.ts";

/** `struct sock_fprog` */
const PROGRAM_BYTES = 16;

/**
 * Puts a filter on the calling thread, and threads that it starts later, on top of those that are there. The process must
 * have no_new_privs.
 * @param onAllThreads puts it on all threads that there are; none may have one that the calling one has not
 * @throws {SyscallError} ESRCH where a thread is in the way
 */
export function installFilter(filter: Uint8Array, onAllThreads: boolean): void {
  const program = new DataView(new ArrayBuffer(PROGRAM_BYTES));
  program.setUint16(0, filter.byteLength / SOCK_FILTER.size, true);
  program.setBigUint64(8, BigInt(addressOf(filter)), true);
  const flags = onAllThreads ? SECCOMP_FILTER_FLAG_TSYNC : 0;
  // SAFETY: the kernel copies the program, which lives until the call returns.
  const result = syscall("seccomp", "a filter", SECCOMP_SET_MODE_FILTER, flags, program);
  filter.at(0);
  if (result > 0) {
    throw new SyscallError("seccomp", 3, `a filter on all threads, which thread ${result} has not`);
  }
}

/** What is told of a violation, and the end of the process. */
export interface ViolationReport {
  /** Where it is written to, by one write(2), which the filters have to allow. */
  readonly fd: number;
  /** The text before and after the system call's number. */
  readonly before: string;
  readonly after: string;
  readonly exitCode: number;
}

/** From now on a violation is told, and ends the process. @throws {SyscallError} EINVAL: more than 512 bytes of text */
export function reportViolations({ fd, before, after, exitCode }: ViolationReport): void {
  const text = Buffer.from(before + after);
  const length = Buffer.byteLength(before);
  // SAFETY: the library copies the text, and its handler is a function that stays loaded as long as the process lives.
  const result = Number(
    library().au_violation_handler(fd, addressOf(text), text.length, length, exitCode),
  );
  text.at(0);
  if (result < 0) {
    throw new SyscallError("rt_sigaction", -result, "SIGSYS");
  }
}
