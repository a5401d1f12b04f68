/** Finding a process again that an earlier daemon started, with its output pipes, which it has kept open itself. */
import { ERRNO } from "../abi/errno.ts";
import type { SignalPoll } from "../io/signal-poll.ts";
import { SyscallError } from "../sys/error.ts";
import type { FileDescriptor } from "../sys/fd.ts";
import { syscallRaw } from "../sys/syscall.ts";
import type { ExitWatcher } from "./exit-watcher.ts";
import { ENDED_PIPE, findOutputPipe } from "./pipe.ts";
import { namespacePidOf, openProcess } from "./proc-stat.ts";
import type { ManagedProcess, OutputIdentity, ProcessIdentity } from "./processes.ts";

/** Sends a signal to the group that the process leads, unless it has ended: another may have its id since. */
function signalGroupOf(pid: number, pidfd: FileDescriptor, signal: number): void {
  if (pidfd.isClosed || syscallRaw("pidfd_send_signal", pidfd.number, 0, null, 0) < 0) {
    return;
  }
  const answer = syscallRaw("kill", -pid, signal);
  if (answer < 0 && answer !== -ERRNO.ESRCH) {
    throw new SyscallError("kill", -answer, `group ${pid} with signal ${signal}`);
  }
}

/** @returns undefined when it has ended */
export function adoptProcess(
  watcher: ExitWatcher,
  poll: SignalPoll,
  { pid, startTime }: ProcessIdentity,
  outputs: OutputIdentity,
  members: readonly number[],
): ManagedProcess | undefined {
  using undo = new DisposableStack();
  const opened = openProcess({ pid, startTime });
  const namespacePid = namespacePidOf(pid);
  if (opened === undefined || namespacePid === undefined) {
    opened?.[Symbol.dispose]();
    return undefined;
  }
  const pidfd = undo.use(opened);
  const holders = [pid, ...members.filter((member) => member !== pid)];
  const exited = watcher.watchStranger(pid, pidfd);
  undo.move();
  return {
    pid,
    startTime,
    namespacePid,
    exited,
    stdout: findOutputPipe(poll, outputs.stdoutInode, holders) ?? ENDED_PIPE,
    stderr: findOutputPipe(poll, outputs.stderrInode, holders) ?? ENDED_PIPE,
    stdin: undefined,
    outputs,
    signalGroup: (signal) => signalGroupOf(pid, pidfd, signal),
    resize: () => undefined,
  };
}
