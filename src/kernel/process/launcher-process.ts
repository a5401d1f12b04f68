/**
 * The launcher: a small process beside the daemon that makes all others, so that what happens to one on its way to its
 * program, an end for want of memory above all, happens to nobody else (`ffi/launcher.c`). It is started by the first
 * launch, again when it has ended, and ends with the daemon.
 */
import { openSync } from "node:fs";
import launcherPath from "../../../dist/ffi/launcher" with { type: "file" };
import { isReady } from "../io/poll-list.ts";
import { SyscallError } from "../sys/error.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { library } from "../sys/library.ts";
import { addressOf } from "../sys/memory.ts";
import { LAUNCH, LAUNCHER, type PackedPlan } from "./launch-plan.ts";
import { takePrecedence } from "./precedence.ts";
import { openSealedProgram } from "./sealed-program.ts";

export class LauncherProcess {
  readonly #state: Uint8Array;
  readonly #view: DataView;

  private constructor(state: Uint8Array) {
    this.#state = state;
    this.#view = new DataView(state.buffer);
  }

  /** @throws {SyscallError} */
  static start(): LauncherProcess {
    using program = openSealedProgram("aurae-launch", launcherPath);
    using nothing = new FileDescriptor(openSync("/dev/null", "r+"));
    const state = new Uint8Array(LAUNCHER.size);
    // SAFETY: the C side writes `state`, which this object holds for as long as there is a launcher.
    const answer = library().au_launcher_start(program.number, nothing.number, addressOf(state));
    if (answer < 0) {
      throw new SyscallError("start", Number(-answer), "the launcher of processes");
    }
    const launcher = new LauncherProcess(state);
    takePrecedence(launcher.pid);
    return launcher;
  }

  get pid(): number {
    return LAUNCHER.read(this.#view, "pid");
  }

  /** Whether nobody can talk to it any more. */
  get hasFailed(): boolean {
    return LAUNCHER.read(this.#view, "error") !== 0;
  }

  /** Asks for a process. @returns a `struct au_launch` for `end`, which the kernel does not write to in between */
  begin({ message, descriptors, descriptorCount }: PackedPlan): DataView {
    const launch = LAUNCH.make({});
    // SAFETY: all four are ours, and outlive the call; the C side keeps no pointer, and adds one descriptor, for which
    // the plan leaves room.
    library().au_launch_begin(
      addressOf(this.#state),
      addressOf(message),
      addressOf(descriptors),
      descriptorCount,
      addressOf(launch),
    );
    return launch;
  }

  /** Whether `end` would not wait for the process; for the launcher's answer it may, which does not take long. */
  isOver(launch: DataView): boolean {
    const status = LAUNCH.read(launch, "status");
    // Without it, nothing was asked for. The end of a pipe is told unasked.
    return status < 0 || isReady(status, 0);
  }

  /** Waits until the process runs or has failed to. */
  end(launch: DataView): void {
    // SAFETY: both are ours, and outlive the call.
    library().au_launch_end(addressOf(this.#state), addressOf(launch));
  }

  [Symbol.dispose](): void {
    // SAFETY: as above; nobody uses it after this.
    library().au_launcher_end(addressOf(this.#state));
  }
}
