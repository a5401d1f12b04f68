/**
 * The machine, where auraed is its init: boots it, and ends it. The one door of src/init for the daemon. It must
 * never be opened where another init runs: its end takes every process with it.
 */
import { readFileSync } from "node:fs";
import { AuraeError, messageOf } from "../base/errors.ts";
import { log } from "../base/log.ts";
import type { MachineEnd } from "../kernel/power/reboot.ts";
import { type CommandLine, parseCommandLine } from "./command-line.ts";
import { DRIVE_STEPS } from "./drive-steps.ts";
import { MODULE_STEPS } from "./module-steps.ts";
import { MOUNT_STEPS } from "./mount-steps.ts";
import { NETWORK_STEPS, type NetworkContext } from "./network-steps.ts";
import { OrphanReaper } from "./orphan-reaper.ts";
import { PowerButton } from "./power-button.ts";
import { EXIT_POWER_OFF, EXIT_RESTART, INIT_NAME } from "./protocol.ts";
import { endMachine, KERNEL_ACTIONS, type LastActions } from "./shutdown-steps.ts";
import { type BootStep, runSteps } from "./steps.ts";
import { SYSTEM_STEPS } from "./system-steps.ts";

/** Modules before drives and network, whose drivers are among them. */
const BOOT_STEPS: readonly BootStep<NetworkContext>[] = [
  ...MOUNT_STEPS,
  ...SYSTEM_STEPS,
  ...MODULE_STEPS,
  ...DRIVE_STEPS,
  ...NETWORK_STEPS,
];

export interface InitFacts {
  readonly pid: number;
  readonly parentPid: number;
  /** /proc/1/comm; undefined where it can't be read. */
  readonly initName: string | undefined;
}

/** `self`: auraed is PID 1. `supervised`: it was started by our init, which is. */
export type InitKind = "self" | "supervised";

/** What makes auraed the machine's init; undefined where another init is. */
export function initKind({ pid, parentPid, initName }: InitFacts): InitKind | undefined {
  if (pid === 1) {
    return "self";
  }
  return parentPid === 1 && initName === INIT_NAME ? "supervised" : undefined;
}

export interface MachineOptions {
  /** Called when the power button is pressed; the caller stops its workloads and calls `powerOff`. */
  readonly onPowerButton: () => void;
}

export class Machine implements Disposable {
  readonly #kind: InitKind;
  readonly #undo: DisposableStack;
  readonly #actions: LastActions;
  #reaper: OrphanReaper | undefined;

  /** Use {@link bootMachine}. */
  constructor(kind: InitKind, undo: DisposableStack, actions: LastActions = KERNEL_ACTIONS) {
    this.#kind = kind;
    this.#undo = undo;
    this.#actions = actions;
  }

  /**
   * Reaps orphans from now on, where that is auraed's to do.
   * @param isOwnChild whether another part of the daemon waits for this process
   */
  reapOrphans(isOwnChild: (pid: number) => boolean): void {
    if (this.#kind === "self") {
      this.#reaper ??= new OrphanReaper(isOwnChild);
    }
  }

  /**
   * Switches the machine off, after the caller has stopped its workloads.
   * @returns where the kernel refused: the exit code to end with, by which init learns what is still to be done
   */
  powerOff(): number {
    return this.#end("power-off", EXIT_POWER_OFF);
  }

  /** Starts the machine anew. As {@link powerOff}. */
  reboot(): number {
    return this.#end("restart", EXIT_RESTART);
  }

  #end(end: MachineEnd, code: number): number {
    this.#reaper?.[Symbol.dispose]();
    endMachine(end, () => this.#undo.dispose(), this.#actions);
    return this.#kind === "self" ? 0 : code;
  }

  /** Stops listening, and leaves the machine as it is: for a daemon that ends and is started again. */
  [Symbol.dispose](): void {
    this.#reaper?.[Symbol.dispose]();
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined; // ENOENT without /proc, EACCES: then PID 1 is not ours
  }
}

function readCommandLine(): CommandLine {
  return parseCommandLine(readText("/proc/cmdline") ?? "");
}

/**
 * Boots the machine: every step of the table, then the power button.
 * @throws {AuraeError} failed_precondition where auraed is not the machine's init, or a fatal step failed
 */
export function bootMachine(options: MachineOptions): Machine {
  const kind = initKind({
    pid: process.pid,
    parentPid: process.ppid,
    initName: readText("/proc/1/comm"),
  });
  if (kind === undefined) {
    throw new AuraeError(
      "failed_precondition",
      "--pid1: this machine has another init; only the initramfs's init may start auraed so",
    );
  }
  const start = performance.now();
  let undo: DisposableStack;
  try {
    undo = runSteps(BOOT_STEPS, { commandLine: readCommandLine() });
  } catch (error) {
    throw new AuraeError("failed_precondition", `boot the machine: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const button = undo.use(new PowerButton(options.onPowerButton));
  log.info("booted the machine", {
    ms: Math.round(performance.now() - start),
    powerButtons: button.count,
  });
  return new Machine(kind, undo);
}
