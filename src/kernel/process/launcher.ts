/** Starts processes by the launcher: each runs its program, or the step that failed is told and nothing is left. */
import { ERRNO, errnoName } from "../abi/errno.ts";
import { SIGKILL } from "../abi/signal.ts";
import { P_PIDFD, WEXITED } from "../abi/wait.ts";
import { readKernelFile } from "../io/kernel-file.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { syscallRaw } from "../sys/syscall.ts";
import { LAUNCH, packLaunchPlan, type LaunchPlan } from "./launch-plan.ts";
import { launchFailure, STEP_ASK, STEP_JOIN_PID } from "./launch-steps.ts";
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
/** The launch that was begun last, until it has ended. One that began before it may be on its way, too. */
let latest: BegunLaunch | undefined;

/** One that works. @throws {SyscallError} */
function workingLauncher(): LauncherProcess {
  if (launcher?.hasFailed === true) {
    endLauncher();
  }
  launcher ??= LauncherProcess.start();
  return launcher;
}

/** The process id of the launcher, which is started if there is none. @throws {SyscallError} */
export function launcherPid(): number {
  return workingLauncher().pid;
}

/** Ends the launcher, if there is one, once it has answered. What is launched later has another. */
export function endLauncher(): void {
  const before = launcher;
  launcher = undefined;
  latest?.takeAnswers();
  before?.[Symbol.dispose]();
}

/**
 * A launch on its way. The descriptors of its plan have to stay open until it has ended: a launcher that was gone before
 * it saw the plan is replaced. Where the event loop has its turn before, what fails may be reaped by whoever reaps orphans,
 * which is all the same. A second one may begin before; what it is to be born in may be what the first one makes.
 */
export class BegunLaunch {
  readonly #plan: LaunchPlan;
  #launcher: LauncherProcess;
  #launch: DataView;
  /** The one that began before it, or after it, and has not ended. */
  #before: BegunLaunch | undefined;
  #after: BegunLaunch | undefined;
  #isAnswered = false;
  #hasEnded = false;
  /** Why no launcher could be asked again. */
  #failure: { readonly error: unknown } | undefined;
  #launched: LaunchedProcess | undefined;

  /**
   * @throws {RangeError} for what no process can have @throws {SyscallError} where no launcher can be started
   * @throws {LaunchError} where what it is to be born in did not come about
   */
  constructor(plan: LaunchPlan) {
    this.#plan = plan;
    latest?.settleBefore();
    this.#launcher = workingLauncher();
    this.#launch = this.#launcher.begin(packLaunchPlan(plan, this.#joinPlan(latest)));
    this.#before = latest;
    if (latest !== undefined) {
      latest.#after = this;
    }
    latest = this;
  }

  /** The number of the plan that makes what is to be joined, where the same launcher has it; 0: none. */
  #joinPlan(before: BegunLaunch | undefined): number {
    return before !== undefined &&
      before === this.#plan.join?.launch &&
      before.#launcher === this.#launcher
      ? before.#read("number")
      : 0;
  }

  /** Of the launcher that was asked. */
  #takeAnswer(): void {
    if (!this.#isAnswered) {
      this.#isAnswered = true;
      this.#launcher.end(this.#launch);
    }
  }

  /** Of this and the one before it, which the launcher gives in that order. It may go then. */
  takeAnswers(): void {
    this.#before?.takeAnswers();
    this.#takeAnswer();
  }

  settleBefore(): void {
    this.#before?.settle();
  }

  /** Whether nobody would have to wait for it. */
  get isOver(): boolean {
    return this.#hasEnded || this.#launcher.isOver(this.#launch);
  }

  /** Waits for it, without a word of how it went. */
  settle(): void {
    if (this.#hasEnded) {
      return;
    }
    this.settleBefore();
    this.#takeAnswer();
    this.#hasEnded = true;
    const after = this.#after;
    this.#unlink();
    if (this.#isToBeAskedAgain) {
      // It comes first, and has been given a launcher that may be about to go.
      after?.takeAnswers();
      this.#askAgain();
    }
  }

  #unlink(): void {
    if (latest === this) {
      latest = undefined;
    }
    if (this.#after !== undefined) {
      this.#after.#before = undefined;
      this.#after = undefined;
    }
  }

  /** The launcher was gone before it saw the plan, or it wants to know what to join by its descriptor. */
  get #isToBeAskedAgain(): boolean {
    const step = this.#read("step");
    const wasLost = this.#launcher.hasFailed && step === STEP_ASK && this.#read("was_served") === 0;
    return wasLost || (step === STEP_JOIN_PID && this.#read("error") === ERRNO.EAGAIN);
  }

  #askAgain(): void {
    try {
      const packed = packLaunchPlan(this.#plan);
      this.#launcher = workingLauncher();
      this.#launch = this.#launcher.begin(packed);
      this.#launcher.end(this.#launch);
    } catch (error) {
      // Whoever settles it may be another launch, which has nothing to do with that.
      this.#failure = { error };
    }
  }

  #read(
    field:
      "step" | "error" | "detail" | "pid" | "pidfd" | "namespace_pid" | "was_served" | "number",
  ) {
    return LAUNCH.read(this.#launch, field);
  }

  /** Waits until the process runs; asked again, it says the same. @throws {LaunchError} naming the step; nothing is left */
  end(): LaunchedProcess {
    this.settle();
    this.#launched ??= this.#outcome();
    return this.#launched;
  }

  #outcome(): LaunchedProcess {
    if (this.#failure !== undefined) {
      throw this.#failure.error;
    }
    const step = this.#read("step");
    if (step !== 0) {
      // Where that did not come about, this is the reason.
      void this.#plan.join?.pidfd;
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
    const info = readKernelFile(`/proc/self/fdinfo/${pidfd.number}`);
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
