/** Starts processes by the launcher: each runs its program, or the step that failed is told and nothing is left. */
import { readFileSync } from "node:fs";
import { errnoName } from "../abi/errno.ts";
import { SIGKILL } from "../abi/signal.ts";
import { P_PIDFD, WEXITED } from "../abi/wait.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { syscallRaw } from "../sys/syscall.ts";
import { LAUNCH, packLaunchPlan, type LaunchPlan } from "./launch-plan.ts";
import { launchFailure, STEP_ASK } from "./launch-steps.ts";
import { LauncherProcess } from "./launcher-process.ts";

/** A launch that failed: the step, what it was done to, and the kernel's reason. */
export class LaunchError extends Error {
  override readonly name = "LaunchError";
  readonly step: string;
  readonly errno: number;
  readonly code: string;

  constructor(step: string, errno: number, object: string) {
    const code = errnoName(errno);
    super(`${step} ${JSON.stringify(object)}: ${code}`);
    this.step = step;
    this.errno = errno;
    this.code = code;
  }
}

/** A process that was just started: its ids as the daemon and as it sees itself, and the descriptor that is it for good. */
export interface LaunchedProcess {
  readonly pid: number;
  readonly namespacePid: number;
  readonly pidfd: FileDescriptor;
}

let launcher: LauncherProcess | undefined;
/** The launch that was begun last, until it has ended: the launcher makes one process at a time. */
let open: BegunLaunch | undefined;

/** One that works. @throws {SyscallError} */
function workingLauncher(): LauncherProcess {
  if (launcher?.hasFailed === true) {
    launcher[Symbol.dispose]();
    launcher = undefined;
  }
  launcher ??= LauncherProcess.start();
  return launcher;
}

/** The process id of the launcher, which is started if there is none. @throws {SyscallError} */
export function launcherPid(): number {
  return workingLauncher().pid;
}

/** Ends the launcher, if there is one. What is launched later has another. */
export function endLauncher(): void {
  launcher?.[Symbol.dispose]();
  launcher = undefined;
}

/**
 * A launch on its way. It has to be ended before the event loop has its turn, which would reap what fails, and the
 * descriptors of its plan have to stay open until then: a launcher that had ended before it saw the plan is replaced.
 */
export class BegunLaunch {
  readonly #plan: LaunchPlan;
  #launcher: LauncherProcess;
  #launch: Uint8Array;
  #hasEnded = false;
  #launched: LaunchedProcess | undefined;

  /** @throws {RangeError} for what no process can have @throws {SyscallError} where no launcher can be started */
  constructor(plan: LaunchPlan) {
    this.#plan = plan;
    const packed = packLaunchPlan(plan);
    open?.settle();
    this.#launcher = workingLauncher();
    this.#launch = this.#launcher.begin(packed);
    open = this;
  }

  /** Waits for it, without a word of how it went. */
  settle(): void {
    if (this.#hasEnded) {
      return;
    }
    this.#hasEnded = true;
    open = undefined;
    this.#launcher.end(this.#launch);
    if (this.#launcher.hasFailed && this.#read("step") === STEP_ASK && !this.#read("was_served")) {
      this.#launcher = workingLauncher();
      this.#launch = this.#launcher.begin(packLaunchPlan(this.#plan));
      this.#launcher.end(this.#launch);
    }
  }

  #read(field: "step" | "error" | "detail" | "pid" | "pidfd" | "namespace_pid" | "was_served") {
    return LAUNCH.read(new DataView(this.#launch.buffer), field);
  }

  /** Waits until the process runs; asked again, it says the same. @throws {LaunchError} naming the step; nothing is left */
  end(): LaunchedProcess {
    this.settle();
    this.#launched ??= this.#outcome();
    return this.#launched;
  }

  #outcome(): LaunchedProcess {
    const step = this.#read("step");
    if (step !== 0) {
      const { call, object } = launchFailure(this.#plan, step, this.#read("detail"));
      throw new LaunchError(call, this.#read("error"), object);
    }
    using stack = new DisposableStack();
    const pidfd = stack.use(new FileDescriptor(this.#read("pidfd")));
    const pid = this.#read("pid") || pidOf(pidfd);
    stack.move();
    return { pid, namespacePid: this.#read("namespace_pid"), pidfd };
  }
}

/** @throws {LaunchError} naming the step; nothing is left behind then. Or as `BegunLaunch` does */
export function launch(plan: LaunchPlan): LaunchedProcess {
  return new BegunLaunch(plan).end();
}

/** The id of a process that was made by another than the launcher, in whose eyes it had another id. */
function pidOf(pidfd: FileDescriptor): number {
  try {
    const info = readFileSync(`/proc/self/fdinfo/${pidfd.number}`, "utf8");
    const pid = /^Pid:\s*(\d+)$/m.exec(info)?.[1];
    if (pid !== undefined) {
      return Number(pid);
    }
    throw new Error("the kernel does not tell the process id of a pidfd");
  } catch (error) {
    // Nobody would know it.
    syscallRaw("pidfd_send_signal", pidfd.number, SIGKILL, null, 0);
    syscallRaw("waitid", P_PIDFD, pidfd.number, null, WEXITED, null);
    throw error;
  }
}
