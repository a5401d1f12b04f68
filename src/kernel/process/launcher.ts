/**
 * Starts processes by the launcher of `ffi/launch.c`: one call that returns when the process has exec'd, or with the
 * step that failed.
 */
import { FileDescriptor } from "../sys/fd.ts";
import { library } from "../sys/library.ts";
import { addressOf } from "../sys/memory.ts";
import { errnoName } from "../abi/errno.ts";
import { LAUNCH_RESULT, LAUNCH_STEPS, packLaunchPlan, type LaunchPlan } from "./launch-plan.ts";

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

/** A process that was just started: its id as the daemon sees it, and the descriptor that is it for good. */
export interface LaunchedProcess {
  readonly pid: number;
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
    const object = (step === LAUNCH_STEPS.indexOf("chdir") ? plan.cwd : plan.paths[0]) ?? "";
    throw new LaunchError(
      LAUNCH_STEPS[step] ?? `step ${step}`,
      LAUNCH_RESULT.read(view, "error"),
      object,
    );
  }
  return {
    pid: LAUNCH_RESULT.read(view, "pid"),
    pidfd: new FileDescriptor(LAUNCH_RESULT.read(view, "pidfd")),
  };
}
