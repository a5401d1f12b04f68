/** Starts processes by the launcher: each runs its program, or the step that failed is told and nothing is left. */
import { readFileSync } from "node:fs";
import { errnoName } from "../abi/errno.ts";
import { FileDescriptor } from "../sys/fd.ts";
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

/** A launch on its way. It has to be ended before the event loop has its turn, which would reap what fails. */
export class BegunLaunch {
  readonly #plan: LaunchPlan;
  readonly #launcher: LauncherProcess;
  readonly #view: DataView<ArrayBufferLike>;
  readonly #launch: Uint8Array;
  #hasEnded = false;
  #launched: LaunchedProcess | undefined;

  constructor(plan: LaunchPlan, by: LauncherProcess, launch: Uint8Array) {
    this.#plan = plan;
    this.#launcher = by;
    this.#launch = launch;
    this.#view = new DataView(launch.buffer);
  }

  /** Waits for it, without a word of how it went. */
  settle(): void {
    if (!this.#hasEnded) {
      this.#hasEnded = true;
      this.#launcher.end(this.#launch);
      open = undefined;
    }
  }

  /** Waits until the process runs; asked again, it says the same. @throws {LaunchError} naming the step; nothing is left */
  end(): LaunchedProcess {
    this.settle();
    this.#launched ??= this.#outcome();
    return this.#launched;
  }

  #outcome(): LaunchedProcess {
    const step = LAUNCH.read(this.#view, "step");
    if (step !== 0) {
      const { call, object } = launchFailure(this.#plan, step, LAUNCH.read(this.#view, "detail"));
      throw new LaunchError(call, LAUNCH.read(this.#view, "error"), object);
    }
    const pidfd = new FileDescriptor(LAUNCH.read(this.#view, "pidfd"));
    return {
      pid: LAUNCH.read(this.#view, "pid") || pidOf(pidfd),
      namespacePid: LAUNCH.read(this.#view, "namespace_pid"),
      pidfd,
    };
  }

  /** Whether the launcher had ended before it was asked. */
  get wasNotHeard(): boolean {
    return this.#launcher.hasFailed && LAUNCH.read(this.#view, "step") === STEP_ASK;
  }
}

/**
 * Asks for a process, and goes on.
 * @throws {RangeError} for what no process can have
 * @throws {SyscallError} where there is no launcher, and none can be started
 */
export function beginLaunch(plan: LaunchPlan): BegunLaunch {
  const packed = packLaunchPlan(plan);
  open?.settle();
  const ask = (): BegunLaunch => {
    const by = workingLauncher();
    return new BegunLaunch(plan, by, by.begin(packed));
  };
  let begun = ask();
  if (begun.wasNotHeard) {
    begun = ask();
  }
  open = begun;
  return begun;
}

/** @throws {LaunchError} naming the step; nothing is left behind then. Or as `beginLaunch` does */
export function launch(plan: LaunchPlan): LaunchedProcess {
  return beginLaunch(plan).end();
}

/** The id of a process that was made by another than the launcher, in whose eyes it had another id. */
function pidOf(pidfd: FileDescriptor): number {
  const info = readFileSync(`/proc/self/fdinfo/${pidfd.number}`, "utf8");
  const pid = /^Pid:\s*(\d+)$/m.exec(info)?.[1];
  if (pid === undefined) {
    throw new Error("the kernel does not tell the process id of a pidfd");
  }
  return Number(pid);
}
