/**
 * One executable: the process tree of a command, from its start to the end of its last process. It owns a control
 * group of its own, so that nothing it forks can get away, and the logs of its output.
 *
 * running -> exited            its first process ended; others of its tree may go on
 * running, exited -> stopping  `stop` was called
 * stopping -> stopped          the tree is gone, with its control group
 */
import { AuraeError, messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import { removeTree } from "../../kernel/cgroup/cgroups.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { ExitStatus } from "../../kernel/process/exit-status.ts";
import type { ManagedProcess, OutputPipe } from "../../kernel/process/processes.ts";
import type { ExecutableName } from "./executable-name.ts";
import { OutputLog } from "./output-log.ts";

export type { ExitStatus };

const SIGTERM = 15;

/** How long a tree may take to die of SIGKILL. Longer means that the kernel holds it in an uninterruptible call. */
const KILL_TIMEOUT_MS = 10_000;

/** How long output may still come once no process of the tree is left: somebody else was handed the pipe. */
const DRAIN_TIMEOUT_MS = 1_000;

export interface ExecutableSpec {
  readonly name: ExecutableName;
  readonly command: string;
  readonly description: string;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/** Where an executable lives. */
export interface ExecutablePlace {
  /** The control group that it gets for itself; its parent is there, it is not. */
  readonly cgroup: string;
  /** The folder for its output. */
  readonly outputDirectory: string;
  readonly env: Readonly<Record<string, string>>;
}

export type ExecutableState = "running" | "stopping" | "exited";

export class Executable {
  readonly spec: ExecutableSpec;
  readonly #kernel: Kernel;
  readonly #place: ExecutablePlace;
  readonly #process: ManagedProcess;
  readonly #drained: Promise<unknown>;
  #exitStatus: ExitStatus | undefined;
  #ended = false;
  #stopping: Promise<ExitStatus | undefined> | undefined;

  /** @throws {LaunchError | SyscallError} nothing is left behind then */
  static start(kernel: Kernel, spec: ExecutableSpec, place: ExecutablePlace): Executable {
    using undo = new DisposableStack();
    const logs = {
      stdout: undo.adopt(new OutputLog(place.outputDirectory, "stdout"), (it) => it.close()),
      stderr: undo.adopt(new OutputLog(place.outputDirectory, "stderr"), (it) => it.close()),
    };
    kernel.cgroups.create(place.cgroup);
    undo.defer(() => removeTree(kernel.cgroups, place.cgroup));
    using cgroup = kernel.cgroups.open(place.cgroup);
    const process = kernel.processes.start({
      paths: ["/bin/sh"],
      argv: ["sh", "-c", spec.command],
      env: place.env,
      cwd: "/",
      cgroup,
      uid: spec.uid,
      gid: spec.gid,
    });
    undo.move();
    return new Executable(kernel, spec, place, process, logs);
  }

  private constructor(
    kernel: Kernel,
    spec: ExecutableSpec,
    place: ExecutablePlace,
    process: ManagedProcess,
    logs: { stdout: OutputLog; stderr: OutputLog },
  ) {
    this.#kernel = kernel;
    this.spec = spec;
    this.#place = place;
    this.#process = process;
    this.#drained = Promise.all([
      this.#drain(process.stdout, logs.stdout),
      this.#drain(process.stderr, logs.stderr),
    ]);
    void this.#awaitExit();
  }

  get pid(): number {
    return this.#process.pid;
  }

  get state(): ExecutableState {
    return this.#stopping !== undefined ? "stopping" : this.#ended ? "exited" : "running";
  }

  /** How its first process ended; undefined while it runs. */
  get exitStatus(): ExitStatus | undefined {
    return this.#exitStatus;
  }

  async #awaitExit(): Promise<void> {
    try {
      this.#exitStatus = await this.#process.exited;
    } catch (error) {
      log.error("lost an executable's exit status", {
        executable: this.spec.name,
        pid: this.pid,
        cause: messageOf(error),
      });
    }
    this.#ended = true;
  }

  async #drain(pipe: OutputPipe, into: OutputLog): Promise<void> {
    try {
      for await (const bytes of pipe.read()) {
        into.append(bytes);
      }
    } catch (error) {
      log.error("lost output of an executable", {
        executable: this.spec.name,
        file: into.path,
        cause: messageOf(error),
      });
    } finally {
      into.close();
    }
    if (into.lostBytes > 0) {
      log.warn("could not keep all output of an executable", {
        executable: this.spec.name,
        file: into.path,
        lostBytes: into.lostBytes,
      });
    }
  }

  /**
   * Ends the whole tree: SIGTERM, then SIGKILL to what is left after the grace period. Called again, it answers with
   * the same end.
   * @returns how the first process ended
   * @throws {AuraeError} internal, when the kernel can't end it
   */
  stop(graceMs: number): Promise<ExitStatus | undefined> {
    this.#stopping ??= this.#stop(graceMs).catch((error: unknown) => {
      this.#stopping = undefined;
      throw error;
    });
    return this.#stopping;
  }

  async #stop(graceMs: number): Promise<ExitStatus | undefined> {
    const { cgroups } = this.#kernel;
    const { cgroup } = this.#place;
    this.#terminate();
    if (!(await this.#emptiedWithin(graceMs))) {
      cgroups.kill(cgroup);
      if (!(await this.#emptiedWithin(KILL_TIMEOUT_MS))) {
        throw new AuraeError(
          "internal",
          `executable '${this.spec.name}' failed to stop: processes ${cgroups.processes(cgroup).join(", ")} did not end ${KILL_TIMEOUT_MS} ms after SIGKILL`,
          { resource: this.spec.name },
        );
      }
    }
    await this.#process.exited.catch(() => undefined);
    await this.#finishOutput();
    removeTree(cgroups, cgroup);
    return this.#exitStatus;
  }

  /**
   * SIGTERM to the process group, and to each process of the tree that is in none or another: a daemon's second fork,
   * and once the first process has ended, everybody, since the group's id may be another's by then.
   */
  #terminate(): void {
    const { cgroups, processes } = this.#kernel;
    const members = cgroups.processes(this.#place.cgroup);
    const strays = this.#ended
      ? members
      : members.filter((pid) => processes.groupOf(pid) !== this.#process.pid);
    this.#process.signalGroup(SIGTERM);
    for (const pid of strays) {
      processes.signal(pid, SIGTERM);
    }
  }

  async #emptiedWithin(timeoutMs: number): Promise<boolean> {
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      // In most cases the tree is gone with its first process, which is known sooner than the group's notice comes.
      await this.#endedOr(timeout);
      await this.#kernel.cgroups.emptied(this.#place.cgroup, timeout);
      return true;
    } catch (error) {
      if (timeout.aborted) {
        return false;
      }
      throw error;
    }
  }

  /** Resolves when the first process has ended, or when the signal aborts. */
  async #endedOr(signal: AbortSignal): Promise<void> {
    const { promise: aborted, resolve } = Promise.withResolvers<void>();
    const onAbort = (): void => resolve();
    signal.addEventListener("abort", onAbort, { once: true });
    await Promise.race([this.#process.exited.catch(() => undefined), aborted]);
    signal.removeEventListener("abort", onAbort);
  }

  async #finishOutput(): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, DRAIN_TIMEOUT_MS);
    await Promise.race([this.#drained, late]);
    clearTimeout(timer);
    await Promise.all([this.#process.stdout.close(), this.#process.stderr.close()]);
    await this.#drained;
  }
}
