/** How a process ended, and reading it from the kernel by pidfd. */
import { ERRNO } from "../abi/errno.ts";
import { PIDFD_GET_INFO, PIDFD_INFO, PIDFD_INFO_EXIT } from "../abi/pidfd.ts";
import { RUSAGE, RUSAGE_BYTES } from "../abi/resource.ts";
import { CLD_EXITED, P_PIDFD, SIGINFO, SIGINFO_BYTES, WEXITED, WNOHANG } from "../abi/wait.ts";
import { SyscallError } from "../sys/error.ts";
import type { FileDescriptor } from "../sys/fd.ts";
import { syscallRaw, syscallRetry } from "../sys/syscall.ts";

/** By exit(2) with a code of 0 to 255, or by a signal's number. */
export type ExitStatus =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "signaled"; readonly signal: number };

/** A child that was reaped. */
export interface Reaped {
  readonly status: ExitStatus;
  readonly maxRssBytes: number;
}

const info = new DataView(new ArrayBuffer(SIGINFO_BYTES));
const usage = new DataView(new ArrayBuffer(RUSAGE_BYTES));

/**
 * Reaps a child if it has ended. Answers with undefined while it runs.
 * @throws {SyscallError} ECHILD for a process that is not a child of this one, or was reaped before
 */
export function reap(pidfd: FileDescriptor): Reaped | undefined {
  // waitid(2) leaves `info` alone while the child runs, but for this.
  SIGINFO.write(info, { si_pid: 0 });
  syscallRetry("waitid", "pidfd", P_PIDFD, pidfd.number, info, WEXITED | WNOHANG, usage);
  if (SIGINFO.read(info, "si_pid") === 0) {
    return undefined;
  }
  const status = SIGINFO.read(info, "si_status");
  return {
    status:
      SIGINFO.read(info, "si_code") === CLD_EXITED
        ? { kind: "exited", code: status }
        : { kind: "signaled", signal: status },
    maxRssBytes: Number(RUSAGE.read(usage, "ru_maxrss")) * 1024,
  };
}

/** A status as wait(2) packs it. */
function statusOf(word: number): ExitStatus {
  const signal = word & 0x7f;
  return signal === 0 ? { kind: "exited", code: (word >> 8) & 0xff } : { kind: "signaled", signal };
}

/**
 * How a process ended that is not a child of this one, as the kernel keeps it for a pidfd that is open (Linux 6.15).
 * `later`: its parent has not reaped it yet. `unknown`: nobody can tell.
 */
export function exitOfStranger(pidfd: FileDescriptor): ExitStatus | "later" | "unknown" {
  const answer = new DataView(new ArrayBuffer(PIDFD_INFO.size));
  PIDFD_INFO.write(answer, { mask: PIDFD_INFO_EXIT });
  const result = syscallRaw("ioctl", pidfd.number, PIDFD_GET_INFO, answer);
  if (result === -ERRNO.ENOTTY || result === -ERRNO.EINVAL || result === -ERRNO.ESRCH) {
    return "unknown"; // an older kernel
  }
  if (result < 0) {
    throw new SyscallError("ioctl", -result, "PIDFD_GET_INFO");
  }
  const hasExit = (PIDFD_INFO.read(answer, "mask") & BigInt(PIDFD_INFO_EXIT)) !== 0n;
  return hasExit ? statusOf(PIDFD_INFO.read(answer, "exit_code")) : "later";
}
