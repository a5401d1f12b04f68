/**
 * One virtual machine, from Allocate to Free. What runs is one of its lives (vm-life.ts); whether that is running or paused
 * is asked of its monitor, always.
 *
 * idle     -> starting            its network, its site and its monitor are made
 * starting -> live                the guest runs; or back to idle, with nothing left behind
 * live     -> idle                the monitor is gone, however that came about
 *
 * Pause, resume, update and snapshot take turns. Stop and Free may come at any time: they wait for a start, and press the
 * button when it is their turn, but the end comes in time whatever the others do.
 */
import { AuraeError, badField } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import { Outcome } from "../../base/outcome.ts";
import { pauseGuest, resumeGuest, snapshotGuest } from "./guest-control.ts";
import { auraedAddressOf } from "./auraed-address.ts";
import { adoptLife, launchVm, removeNics, type VmSurroundings } from "./launch-vm.ts";
import type { Monitor } from "./monitors.ts";
import type { SnapshotFiles } from "./monitor-spec.ts";
import { SnapshotNotes } from "./snapshot-notes.ts";
import type { VmNic } from "./networks.ts";
import {
  driveIsInUse,
  type VmAction,
  vmDoesNotRun,
  vmFailed,
  vmIsBusy,
  vmIsStopped,
  vmRuns,
} from "./vm-errors.ts";
import type { VmId } from "./vm-id.ts";
import type { VmLife } from "./vm-life.ts";
import type { VmEnding, VmRecord } from "./vm-record.ts";
import { balloonFault, MIB, type VmSpec } from "./vm-spec.ts";

export interface VmStopAsk {
  readonly graceMs: number;
  /** Without the power button. */
  readonly isForced: boolean;
}

export const DEFAULT_GRACE_MS = 10_000;

export interface VmStatus {
  readonly state: "created" | "running" | "paused" | "shutdown";
  /** The monitor did not say in time; the state is what was known. */
  readonly isUnresponsive: boolean;
  /** What the guest has given back by its balloon; 0 where nobody said. */
  readonly balloonBytes: number;
}

type Phase =
  | { readonly kind: "idle" }
  | { readonly kind: "starting"; readonly done: Promise<void> }
  | {
      readonly kind: "live";
      readonly life: VmLife;
      /** Never rejects: its end is dealt with, and it is idle again. */
      readonly done: Promise<VmEnding>;
    };

export class Vm {
  readonly #around: VmSurroundings;
  #spec: VmSpec;
  #phase: Phase = { kind: "idle" };
  #nics: readonly (VmNic | undefined)[] = [];
  #startedMs: number | undefined;
  #ending: VmEnding | undefined;
  #outcome = new Outcome<VmEnding>();
  #isStopping = false;
  #freeing: Promise<void> | undefined;
  readonly #snapshots = new SnapshotNotes(() => this.#phase.kind === "live" && this.keep());

  constructor(spec: VmSpec, around: VmSurroundings) {
    this.#spec = spec;
    this.#around = around;
  }

  /**
   * Goes on with what an earlier daemon has left.
   * @param monitor undefined for one that does not run
   */
  static adopt(record: VmRecord, monitor: Monitor | undefined, around: VmSurroundings): Vm {
    const vm = new Vm(record.spec, around);
    vm.#startedMs = record.startedMs;
    vm.#ending = record.ending;
    if (monitor !== undefined) {
      vm.#nics = record.nics;
      around.drives.take(vm.id, record.spec.drives);
      vm.#live(adoptLife(record, monitor, around));
      vm.#emit({ kind: "adopted", pid: monitor.record.pid });
    }
    const resume = monitor && (() => vm.#withMonitor("resumed", resumeGuest).then(() => undefined));
    void vm.#snapshots.finish(record.snapshots ?? [], resume);
    return vm;
  }

  get id(): VmId {
    return this.#spec.id;
  }

  get spec(): VmSpec {
    return this.#spec;
  }

  /** Milliseconds since 1970; undefined for never. */
  get startedMs(): number | undefined {
    return this.#startedMs;
  }

  /** How it ended the last time; undefined while it runs, and before. */
  get ending(): VmEnding | undefined {
    return this.#phase.kind === "live" ? this.#phase.life.ending : this.#ending;
  }

  /** Of its monitor; undefined unless it runs. */
  get pid(): number | undefined {
    return this.#phase.kind === "live" ? this.#phase.life.monitor.record.pid : undefined;
  }

  /** The host's side of its NICs, while it runs. */
  get nics(): readonly (VmNic | undefined)[] {
    return this.#nics;
  }

  /** Where an auraed in the guest answers; empty if there is no way to it. */
  get auraedAddress(): string {
    return this.#phase.kind === "live" ? auraedAddressOf(this.#spec, this.#nics[0]) : "";
  }

  /** What it does, as its monitor says. Never rejects. */
  async status(): Promise<VmStatus> {
    if (this.#phase.kind !== "live") {
      const state = this.#startedMs === undefined ? "created" : "shutdown";
      return { state, isUnresponsive: false, balloonBytes: 0 };
    }
    const { state, ...said } = await this.#phase.life.status();
    return { state: state === "ended" ? "shutdown" : state, ...said };
  }

  /**
   * Boots it, or has it go on from a snapshot.
   * @throws {AuraeError} failed_precondition, resource_exhausted, internal; nothing is left behind then
   */
  async start(restore?: SnapshotFiles & { readonly isPaused: boolean }): Promise<void> {
    const phase = this.#phase;
    if (phase.kind === "live" && (await phase.life.status()).state === "ended") {
      await phase.done;
    }
    this.#requireIdle();
    const clash = this.#around.drives.take(this.id, this.#spec.drives);
    if (clash !== undefined) {
      throw driveIsInUse(this.id, clash.path, clash.by);
    }
    const launch = this.#launch(restore);
    this.#phase = { kind: "starting", done: launch.then(undefined, () => undefined) };
    await launch;
  }

  #requireIdle(): void {
    if (this.#freeing !== undefined) {
      throw vmIsBusy(this.id, "started", "being freed");
    }
    if (this.#phase.kind === "starting") {
      throw vmIsBusy(this.id, "started", "being started already");
    }
    if (this.#phase.kind === "live") {
      throw vmRuns(this.id);
    }
  }

  async #launch(restore?: SnapshotFiles & { readonly isPaused: boolean }): Promise<void> {
    const action = restore === undefined ? "started" : "restored";
    const state = restore === undefined ? "starting" : "restoring";
    let launched: Awaited<ReturnType<typeof launchVm>>;
    try {
      launched = await launchVm(this.#spec, this.#around, {
        restore,
        isFirst: this.#startedMs === undefined,
        keep: (made) => this.#around.keep({ ...this.record, state, ...made }),
      });
    } catch (error) {
      this.#around.drives.release(this.id);
      this.#phase = { kind: "idle" };
      this.keep();
      throw vmFailed(this.id, action, error);
    }
    this.#nics = launched.nics;
    this.#startedMs = Date.now();
    this.#live(launched.life);
    this.keep();
    this.#emit({ kind: "started", pid: launched.life.monitor.record.pid });
  }

  #live(life: VmLife): void {
    this.#outcome = new Outcome();
    this.#isStopping = false;
    this.#phase = {
      kind: "live",
      life,
      done: life.over.then(async (ending) => await this.#over(life, ending)),
    };
  }

  async #over(life: VmLife, ending: VmEnding): Promise<VmEnding> {
    await removeNics(this.#around, this.id, this.#nics);
    this.#around.drives.release(this.id);
    this.#nics = [];
    this.#ending = ending;
    this.#phase = { kind: "idle" };
    this.#isStopping = false;
    this.keep();
    if (ending.kind === "failed" || ending.kind === "crash") {
      log.warn("a vm ended by a fault", { vm: this.id, kind: ending.kind, cause: ending.message });
    }
    this.#emit({ kind: "ended", pid: life.monitor.record.pid, ending });
    this.#outcome.resolve(ending);
    return ending;
  }

  /**
   * Ends it; once more, it may end sooner.
   * @throws {AuraeError} failed_precondition unless it runs, internal where it can't be ended
   */
  async stop(asked: VmStopAsk): Promise<VmEnding> {
    await this.#begun();
    if (this.#phase.kind !== "live") {
      throw this.#startedMs === undefined ? vmDoesNotRun(this.id, "stopped") : vmIsStopped(this.id);
    }
    return await this.#end(this.#phase, asked, "stopped");
  }

  async #begun(): Promise<void> {
    while (this.#phase.kind === "starting") {
      await this.#phase.done;
    }
  }

  async #end(
    { life, done }: Phase & { readonly kind: "live" },
    { graceMs, isForced }: VmStopAsk,
    action: VmAction,
  ): Promise<VmEnding> {
    const isSudden = isForced || graceMs === 0;
    const failed = life.killFailed;
    life.endWithin(isSudden ? 0 : graceMs);
    if (!this.#isStopping && life.ending === undefined) {
      this.#isStopping = true;
      this.#emit({ kind: "stopping", pid: life.monitor.record.pid });
      if (!isSudden) {
        void life.pressPowerButton();
      }
    }
    try {
      return await Promise.race([done, failed]);
    } catch (error) {
      this.#isStopping = false;
      throw vmFailed(this.id, action, error);
    }
  }

  /** Ends it, if it runs, and forgets it. @throws {AuraeError} internal where it can't be ended; then it stays */
  free(asked: VmStopAsk): Promise<void> {
    if (this.#freeing !== undefined && this.#phase.kind === "live") {
      this.#phase.life.endWithin(asked.isForced ? 0 : asked.graceMs);
    }
    this.#freeing ??= this.#free(asked).catch((error: unknown) => {
      this.#freeing = undefined;
      this.keep();
      throw error;
    });
    return this.#freeing;
  }

  async #free(asked: VmStopAsk): Promise<void> {
    await this.#begun();
    if (this.#phase.kind === "live") {
      this.keep();
      await this.#end(this.#phase, asked, "freed");
    }
    this.#around.forget(this.id);
    this.#emit({ kind: "freed" });
  }

  /** @throws {AuraeError} failed_precondition, internal */
  async pause(): Promise<void> {
    await this.#withMonitor("paused", async (monitor) => {
      if (await pauseGuest(monitor)) {
        this.#emit({ kind: "paused" });
      }
    });
  }

  /** @throws {AuraeError} failed_precondition, internal */
  async resume(): Promise<void> {
    await this.#withMonitor("resumed", async (monitor) => {
      if (await resumeGuest(monitor)) {
        this.#emit({ kind: "resumed" });
      }
    });
  }

  /**
   * Has its monitor write a snapshot; what runs is paused meanwhile.
   * @throws {AuraeError} failed_precondition, resource_exhausted, internal
   */
  async snapshot(files: SnapshotFiles): Promise<{ readonly writtenBytes: number }> {
    return await this.#snapshots.during(files, (beforePause) =>
      this.#withMonitor("snapshotted", (it) => snapshotGuest(it, files, beforePause)),
    );
  }

  /** A snapshot of it is whole. */
  snapshotWritten(path: string): void {
    this.#emit({ kind: "snapshot", detail: path });
  }

  /** @throws {AuraeError} invalid_argument, failed_precondition, internal; then nothing is changed */
  async update({ balloonMb }: { readonly balloonMb: number | undefined }): Promise<void> {
    if (this.#freeing !== undefined || this.#phase.kind === "starting") {
      const what = this.#freeing === undefined ? "being started" : "being freed";
      throw vmIsBusy(this.id, "updated", what);
    }
    if (balloonMb === undefined) {
      return;
    }
    const fault = balloonFault(balloonMb, this.#spec.memoryMb);
    if (fault !== undefined) {
      throw badField("balloon_mb", fault);
    }
    if (this.#phase.kind === "live") {
      await this.#withMonitor("updated", (monitor) => monitor.setBalloon(balloonMb * MIB));
    }
    this.#spec = { ...this.#spec, balloonMb };
    this.keep();
    this.#emit({ kind: "updated", detail: `balloon of ${balloonMb} MiB` });
  }

  /** The life that goes on, for those who attach to it. @throws {AuraeError} failed_precondition */
  requireLife(action: VmAction): VmLife {
    if (this.#phase.kind !== "live" || this.#phase.life.ending !== undefined) {
      throw vmDoesNotRun(this.id, action);
    }
    return this.#phase.life;
  }

  /** How it ends. @throws {AuraeError} failed_precondition for one that was never started; the signal's reason */
  async wait(signal?: AbortSignal): Promise<VmEnding> {
    await this.#begun();
    signal?.throwIfAborted();
    if (this.#phase.kind === "live") {
      return await this.#outcome.wait(signal);
    }
    if (this.#ending === undefined) {
      throw vmDoesNotRun(this.id, "waited for");
    }
    return this.#ending;
  }

  async #withMonitor<T>(action: VmAction, run: (monitor: Monitor) => Promise<T>): Promise<T> {
    const life = this.requireLife(action);
    try {
      return await life.use(async (monitor) => {
        if (this.#isStopping) {
          throw new AuraeError("failed_precondition", "Virtual machine is being stopped");
        }
        return await run(monitor);
      });
    } catch (error) {
      throw vmFailed(this.id, action, error);
    }
  }

  /** What it takes to go on with it after the daemon was away. */
  get record(): VmRecord {
    const life = this.#phase.kind === "live" ? this.#phase.life : undefined;
    return {
      spec: this.#spec,
      state: this.#freeing !== undefined ? "freeing" : life === undefined ? "idle" : "live",
      nics: this.#nics,
      monitor: life?.monitor.record,
      life: life?.lifeId,
      startedMs: this.#startedMs,
      ending: this.#ending,
      snapshots: this.#snapshots.all,
    };
  }

  /** For the daemon that comes next. @throws {AuraeError} resource_exhausted for one that was only just described */
  keep(): void {
    this.#around.keep(this.record);
  }

  #emit(event: Omit<Parameters<VmSurroundings["emit"]>[0], "vm">): void {
    this.#around.emit({ ...event, vm: this.id });
  }
}
