/** How a process ended, and reading it from the kernel by pidfd. */
import { CLD_EXITED, P_PIDFD, SIGINFO, SIGINFO_BYTES, WEXITED, WNOHANG } from "../abi/wait.ts";
import type { FileDescriptor } from "../sys/fd.ts";
import { syscallRetry } from "../sys/syscall.ts";

/** By exit(2) with a code of 0 to 255, or by a signal's number. */
export type ExitStatus =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "signaled"; readonly signal: number };

/**
 * Reaps a child if it has ended. Answers with undefined while it runs.
 * @throws {SyscallError} ECHILD for a process that is not a child of this one, or was reaped before
 */
export function reap(pidfd: FileDescriptor): ExitStatus | undefined {
  const info = new DataView(new ArrayBuffer(SIGINFO_BYTES));
  syscallRetry("waitid", "pidfd", P_PIDFD, pidfd.number, info, WEXITED | WNOHANG, null);
  if (SIGINFO.read(info, "si_pid") === 0) {
    return undefined;
  }
  const status = SIGINFO.read(info, "si_status");
  return SIGINFO.read(info, "si_code") === CLD_EXITED
    ? { kind: "exited", code: status }
    : { kind: "signaled", signal: status };
}
