/** Processes of the kernel: the launcher, output pipes, and exits by pidfd. */
import { openSync } from "node:fs";
import { ERRNO } from "../abi/errno.ts";
import { RLIMIT_NOFILE } from "../abi/resource.ts";
import { SyscallError } from "../sys/error.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { syscall, syscallRaw } from "../sys/syscall.ts";
import type { ExitStatus } from "./exit-status.ts";
import { ExitWatcher } from "./exit-watcher.ts";
import type { ResourceLimit } from "./launch-plan.ts";
import { launch } from "./launcher.ts";
import { KernelPipe } from "./pipe.ts";
import type { ManagedProcess, Processes, StartOptions } from "./processes.ts";

/**
 * The soft limit of open files that a child starts with, which programs that use select(2) can bear; it may raise it
 * as far as the daemon can. Bun raises its own soft limit at start, and children would inherit that.
 */
const OPEN_FILES = 1024n;

function openFilesLimit(): ResourceLimit {
  const current = new BigUint64Array(2);
  syscall("prlimit64", "RLIMIT_NOFILE", 0, RLIMIT_NOFILE, null, current);
  const [, hard = 0n] = current;
  return { resource: RLIMIT_NOFILE, soft: hard < OPEN_FILES ? hard : OPEN_FILES, hard };
}

function kill(pid: number, signal: number): void {
  const answer = syscallRaw("kill", pid, signal);
  if (answer < 0 && answer !== -ERRNO.ESRCH) {
    throw new SyscallError("kill", -answer, `${pid} with signal ${signal}`);
  }
}

export class KernelProcesses implements Processes, Disposable {
  readonly #watcher = new ExitWatcher();
  readonly #resourceLimits = [openFilesLimit()];
  readonly #null = new FileDescriptor(openSync("/dev/null", "r"));

  start(options: StartOptions): ManagedProcess {
    using stack = new DisposableStack();
    const stdout = KernelPipe.create();
    stack.use(stdout.writer);
    const undo = stack.use(new DisposableStack());
    undo.defer(() => void stdout.pipe.close());
    const stderr = KernelPipe.create();
    stack.use(stderr.writer);
    undo.defer(() => void stderr.pipe.close());
    const { cgroup, uid, gid, paths, argv, env, cwd } = options;
    const { pid, pidfd } = launch({
      paths,
      argv,
      env,
      cwd,
      stdin: this.#null.number,
      stdout: stdout.writer.number,
      stderr: stderr.writer.number,
      ...(cgroup === undefined ? {} : { cgroupFd: cgroup.number }),
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
      noNewPrivileges: uid !== undefined && uid !== 0,
      resourceLimits: this.#resourceLimits,
    });
    undo.move();
    return this.#managed(pid, pidfd, stdout.pipe, stderr.pipe);
  }

  #managed(
    pid: number,
    pidfd: FileDescriptor,
    stdout: KernelPipe,
    stderr: KernelPipe,
  ): ManagedProcess {
    const watcher = this.#watcher;
    const exited: Promise<ExitStatus> = watcher.watch(pid, pidfd);
    return {
      pid,
      exited,
      stdout,
      stderr,
      signalGroup(signal) {
        if (watcher.has(pid)) {
          kill(-pid, signal);
        }
      },
    };
  }

  signal(pid: number, signal: number): void {
    kill(pid, signal);
  }

  groupOf(pid: number): number | undefined {
    const group = syscallRaw("getpgid", pid);
    return group < 0 ? undefined : group;
  }

  owns(pid: number): boolean {
    return this.#watcher.has(pid);
  }

  [Symbol.dispose](): void {
    this.#watcher[Symbol.dispose]();
    this.#null[Symbol.dispose]();
  }
}
