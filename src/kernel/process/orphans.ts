/**
 * Reaps children that nobody of ours waits for: a process that is PID 1 gets every orphan of its pid namespace as its
 * child. Looks before it reaps, and leaves alone what somebody else waits for.
 */
import { ERRNO } from "../abi/errno.ts";
import { P_ALL, SIGINFO, SIGINFO_BYTES, WEXITED, WNOHANG, WNOWAIT } from "../abi/wait.ts";
import { SyscallError } from "../sys/error.ts";
import { syscallRaw } from "../sys/syscall.ts";

const P_PID = 1;

/** `done`: no ended child is left. `blocked`: the next one is somebody else's, and has to be reaped there first. */
export type ReapResult = "done" | "blocked";

function endedChild(options: number, type: number, id: number): number {
  const info = new DataView(new ArrayBuffer(SIGINFO_BYTES));
  const result = syscallRaw("waitid", type, id, info, WEXITED | WNOHANG | options, null);
  if (result < 0 && result !== -ERRNO.ECHILD && result !== -ERRNO.EINTR) {
    throw new SyscallError("waitid", -result, "orphans");
  }
  return result < 0 ? 0 : SIGINFO.read(info, "si_pid");
}

/** Reaps ended children up to the first that is somebody else's. The kernel shows them in its own order only. */
export function reapOrphans(isOwnChild: (pid: number) => boolean): ReapResult {
  for (;;) {
    const pid = endedChild(WNOWAIT, P_ALL, 0);
    if (pid === 0) {
      return "done";
    }
    if (isOwnChild(pid)) {
      return "blocked";
    }
    endedChild(0, P_PID, pid);
  }
}
