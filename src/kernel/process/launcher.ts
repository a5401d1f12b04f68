/**
 * Starts processes by the launcher of `ffi/launch.c`: one call that returns when the process has exec'd, or with the
 * step that failed.
 */
import { readFileSync } from "node:fs";
import { errnoName } from "../abi/errno.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { library } from "../sys/library.ts";
import { addressOf } from "../sys/memory.ts";
import { LAUNCH_RESULT, packLaunchPlan, type LaunchPlan } from "./launch-plan.ts";
import { launchFailure } from "./launch-steps.ts";

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

/** @throws {LaunchError} naming the step; nothing is left behind then */
export function launch(plan: LaunchPlan): LaunchedProcess {
  const { plan: packed, memory } = packLaunchPlan(plan);
  const bytes = new Uint8Array(LAUNCH_RESULT.size);
  // SAFETY: `packed`, `memory` and `bytes` are ours and are referenced below, so they outlive the call; the C side
  // reads the plan, writes `bytes` only, and keeps no pointer.
  library().au_launch(addressOf(packed), addressOf(bytes));
  memory.at(0);
  const view = new DataView(bytes.buffer);
  const step = LAUNCH_RESULT.read(view, "step");
  if (step !== 0) {
    const { call, object } = launchFailure(plan, step, LAUNCH_RESULT.read(view, "detail"));
    throw new LaunchError(call, LAUNCH_RESULT.read(view, "error"), object);
  }
  const pidfd = new FileDescriptor(LAUNCH_RESULT.read(view, "pidfd"));
  return {
    pid: LAUNCH_RESULT.read(view, "pid") || pidOf(pidfd),
    namespacePid: LAUNCH_RESULT.read(view, "namespace_pid"),
    pidfd,
  };
}

/** The id of a process that was made by another than the daemon, in whose eyes it had another id. */
function pidOf(pidfd: FileDescriptor): number {
  const info = readFileSync(`/proc/self/fdinfo/${pidfd.number}`, "utf8");
  const pid = /^Pid:\s*(\d+)$/m.exec(info)?.[1];
  if (pid === undefined) {
    throw new Error("the kernel does not tell the process id of a pidfd");
  }
  return Number(pid);
}
