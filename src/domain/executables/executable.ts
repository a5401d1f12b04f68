/**
 * One executable, watched over from its start until it is forgotten: it waits for others, says when it is ready, is
 * restarted by its policy, and is ended with all of its process tree. What runs is one of its Lives.
 *
 * waiting    -> starting            what it is to start after is ready
 * starting   -> running             it is ready; without a readiness of its own, at once
 * starting, running -> exited       its first process has ended, and the policy leaves it at that
 * starting, running -> restarting   … and the policy starts it again after a while -> starting
 * starting, running -> failed       … and it was started too often
 * any        -> stopping            `halt` was called, since it must not run without another; then it has exited
 * any        -> stopping            `stop` was called; then it is gone
 */
import { messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import { Outcome } from "../../base/outcome.ts";
import type { ManagedProcess, ProcessEnd } from "../../kernel/process/processes.ts";
import type { EventInit, EventKind } from "../events/event-log.ts";
import { type Ending, endingFrom, UNSEEN } from "./ending.ts";
import type { ExecutableRecord } from "./executable-record.ts";
import type { ExecutableSpec, StopPolicy } from "./executable-spec.ts";
import type { Health } from "./health-checks.ts";
import type { SpecOptions } from "./launch.ts";
import { Lives, type ProcessIds } from "./lives.ts";
import { blockerOf, lostOf } from "./order.ts";
import { isFailure, Restarts } from "./restarts.ts";
import type { Surroundings } from "./surroundings.ts";

/** For one that is to start in a frozen cell. */
const FROZEN_RETRY_MS = 250;

export type ExecutableState =
  "waiting" | "starting" | "running" | "stopping" | "exited" | "restarting" | "failed";

export class Executable {
  readonly spec: ExecutableSpec;
  readonly #around: Surroundings;
  readonly #lives: Lives;
  readonly #restarts: Restarts;
  readonly #final = new Outcome<Ending>();
  #state: ExecutableState = "waiting";
  /** Until the next start. */
  #timer: NodeJS.Timeout | undefined;
  #restartCount = 0;
  #ending: Ending | undefined;
  #health: Health = "unknown";
  #statusText = "";
  /** Why its life is ended by us, though nobody stops it. */
  #failure: string | undefined;
  #halting: Promise<void> | undefined;
  #stopping: Promise<Ending | undefined> | undefined;

  private constructor(spec: ExecutableSpec, around: Surroundings, lastPids?: ProcessIds) {
    this.spec = spec;
    this.#around = around;
    this.#restarts = new Restarts(spec.restart);
    this.#lives = new Lives(around, spec, lastPids, {
      onReady: () => this.#ready(),
      onStatusText: (text) => {
        this.#statusText = text;
      },
      onHealth: (health, detail) => this.#judge(health, detail),
      onLate: (why) => this.#fail(why),
      onEnded: (end) => this.#ended(end),
    });
  }

  /**
   * Starts it, or has it wait for those that it is to start after.
   * @throws {LaunchError | SyscallError | AuraeError} nothing is left behind then
   */
  static start(spec: ExecutableSpec, around: Surroundings): Executable {
    const executable = new Executable(spec, around);
    const blocker = blockerOf(spec, around.sibling);
    if (blocker === undefined) {
      executable.#launch();
    } else {
      executable.#enter("waiting", { detail: `for '${blocker}'` });
    }
    return executable;
  }

  /**
   * Goes on with what an earlier daemon started. One that waits goes on with `reconsider`, once its siblings are there.
   * @param process undefined when it has ended meanwhile
   */
  static adopt(
    record: ExecutableRecord & { readonly state: ExecutableState },
    around: Surroundings,
    process: ManagedProcess | undefined,
  ): Executable {
    const executable = new Executable(record.spec, around, record.pids);
    executable.#restartCount = record.restarts;
    executable.#ending = record.ending;
    executable.#state = record.state;
    if (process === undefined && record.pids.pid !== 0) {
      // Of one that printed nothing, nothing on disk says that it ran.
      around.began({ ...record.pids, startTime: undefined });
    }
    if (process !== undefined) {
      executable.#takeUp(process, record.notifySocket);
    } else if (record.state === "exited" || record.state === "failed") {
      executable.#finish();
    } else if (record.state === "restarting") {
      executable.#restartAfter(record.spec.restart.backoffMs);
    } else if (record.state !== "waiting") {
      executable.#restarts.started(performance.now());
      executable.#ended(UNSEEN);
    }
    return executable;
  }

  /** As the machine sees it; 0 before the first start. */
  get pid(): number {
    return this.#lives.pids.pid;
  }

  /** As its cell sees it. */
  get namespacePid(): number {
    return this.#lives.pids.namespacePid;
  }

  get state(): ExecutableState {
    return (this.#stopping ?? this.#halting) === undefined ? this.#state : "stopping";
  }

  get restarts(): number {
    return this.#restartCount;
  }

  get health(): Health {
    return this.#health;
  }

  get statusText(): string {
    return this.#statusText;
  }

  /** How it ended the last time; undefined while it runs, and before. */
  get ending(): Ending | undefined {
    return this.process === undefined ? this.#ending : undefined;
  }

  /** Who it runs as; what is undefined is the daemon's. */
  get credentials(): Pick<SpecOptions, "uid" | "gid"> {
    return this.#around.options;
  }

  /** The process that runs, for those who attach to it. */
  get process(): ManagedProcess | undefined {
    return this.#lives.process;
  }

  /** Whether it has ended for good, or is about to. */
  get isOver(): boolean {
    return ["exited", "failed", "stopping"].includes(this.state);
  }

  /** What it takes to go on with it after the daemon was away. */
  get record(): ExecutableRecord {
    const more = { state: this.#state, restarts: this.#restartCount, ending: this.#ending };
    return { spec: this.spec, ...this.#lives.record, ...more };
  }

  /** Resolves when it has ended and will not be started again; rejects when the signal aborts first. */
  wait(signal?: AbortSignal): Promise<Ending> {
    return this.#final.wait(signal);
  }

  /** How many wait for that; for tests of leaks. */
  get waiting(): number {
    return this.#final.waiting;
  }

  /** Resolves when all output of its last process is there, or after a while, where others hold it open. */
  drained(): Promise<void> {
    return this.#lives.drainedSoon();
  }

  /** Looks again at what it waits for, and at those without whom it must not run. */
  reconsider(): void {
    if (this.isOver) {
      return;
    }
    const { sibling } = this.#around;
    const lost = lostOf(this.spec, sibling);
    if (lost !== undefined) {
      this.halt(`it requires '${lost}', which has ended`).catch(couldNotEnd);
    } else if (this.#state === "waiting" && blockerOf(this.spec, sibling) === undefined) {
      this.#relaunch();
    }
  }

  /** @throws {LaunchError | SyscallError | AuraeError} nothing is left behind then */
  #launch(): void {
    this.#lives.launch();
    this.#begun("starting", "started");
    this.#around.changed(this);
  }

  #takeUp(process: ManagedProcess, notifySocket: string | undefined): void {
    const state = this.#state === "starting" ? "starting" : "running";
    this.#lives.takeUp(process, { isReady: state === "running", notifySocket });
    this.#begun(state, "adopted");
  }

  #begun(state: ExecutableState, event: EventKind): void {
    this.#restarts.started(performance.now());
    this.#failure = undefined;
    this.#health = "unknown";
    this.#statusText = "";
    this.#state = state;
    this.#emit(event);
    this.#lives.watch();
  }

  #ready(): void {
    const isNews = this.#state === "starting" && this.spec.readiness.kind !== "none";
    this.#state = "running";
    if (isNews) {
      this.#emit("ready");
    }
    this.#around.changed(this);
  }

  #judge(health: Health, detail: string): void {
    this.#health = health;
    this.#emit(health === "healthy" ? "healthy" : "unhealthy", { detail });
    if (health === "unhealthy" && this.spec.restart.mode !== "never") {
      this.#fail(detail);
    }
  }

  /** Ends the life, which counts as failed. */
  #fail(why: string): void {
    this.#failure = why;
    this.#lives.unwatch();
    this.#lives.end(() => this.#policy()).catch(couldNotEnd);
  }

  /** The first process has ended. */
  #ended(end: ProcessEnd): void {
    this.#ending = this.#endingFrom(end);
    const failure = this.#failure;
    const { status, oomKilled } = this.#ending;
    if (oomKilled) {
      this.#emit("oom-kill");
    }
    this.#emit("exited", { status, ...(failure === undefined ? {} : { detail: failure }) });
    if (this.isOver) {
      this.#state = "exited";
    } else {
      this.#decide(failure !== undefined || isFailure(status));
    }
  }

  #endingFrom(end: ProcessEnd): Ending {
    return endingFrom(this.#around, end, this.#failure !== undefined || this.isOver);
  }

  #decide(hasFailed: boolean): void {
    const decision = this.#restarts.ended(performance.now(), hasFailed);
    switch (decision.kind) {
      case "stay":
        this.#enter("exited");
        this.#finish();
        return;
      case "give-up":
        this.#enter("failed", { detail: `started ${decision.starts} times, which is too often` });
        this.#finish();
        return;
      case "restart":
        this.#enter("restarting", { detail: `in ${decision.delayMs} ms` });
        this.#restartAfter(decision.delayMs);
    }
  }

  #restartAfter(delayMs: number): void {
    this.#timer = setTimeout(() => void this.#restart(), delayMs);
  }

  /** What is left of the tree of the life before goes first. */
  async #restart(): Promise<void> {
    await this.#lives.clear().catch(couldNotEnd);
    if (this.state === "restarting") {
      this.#restartCount += 1;
      this.#relaunch();
    }
  }

  /** Starts it where nobody is there to be told that it can't be; in a frozen cell, once that goes on. */
  #relaunch(): void {
    clearTimeout(this.#timer);
    if (this.#around.isFrozen()) {
      const again = (): void => (this.#state === "waiting" ? this.reconsider() : this.#relaunch());
      this.#timer = setTimeout(again, FROZEN_RETRY_MS);
      return;
    }
    try {
      this.#launch();
    } catch (error) {
      this.#ending = this.#endingFrom(UNSEEN);
      this.#emit("exited", { pid: 0, detail: messageOf(error) });
      this.#restarts.started(performance.now());
      this.#decide(true);
    }
  }

  #enter(state: "waiting" | "exited" | "restarting" | "failed", event?: Partial<EventInit>): void {
    this.#state = state;
    if (state !== "exited") {
      this.#emit(state, event);
    }
    this.#around.changed(this);
  }

  /** It will not run again. */
  #finish(): void {
    void this.#lives.drained().then(() => this.#around.drained());
    this.#final.resolve(this.#ending ?? this.#endingFrom(UNSEEN));
  }

  #policy(asked: Partial<StopPolicy> = {}): StopPolicy {
    const { signal, graceMs } = { ...this.spec.stop, ...asked };
    // What is frozen can't take a signal but SIGKILL.
    return { signal, graceMs: this.#around.isFrozen() ? 0 : graceMs };
  }

  /**
   * Ends its life for good, after those that require it, and leaves it there as one that has exited.
   * @throws {AuraeError} internal, when the kernel can't end it
   */
  async halt(why: string): Promise<void> {
    if (this.#stopping === undefined) {
      this.#halting ??= this.#halt(why);
    }
    await (this.#stopping ?? this.#halting);
  }

  async #halt(why: string): Promise<void> {
    const hadEnded = this.process === undefined;
    try {
      await this.#endTree({}, why);
      if (hadEnded) {
        this.#emit("exited", { status: this.#ending?.status, detail: why });
      }
      this.#state = "exited";
    } finally {
      this.#halting = undefined;
    }
    this.#around.changed(this);
    this.#finish();
  }

  async #endTree(asked: Partial<StopPolicy>, why?: string): Promise<void> {
    clearTimeout(this.#timer);
    this.#lives.unwatch();
    this.#emit("stopping", why === undefined ? {} : { detail: why });
    await this.#around.haltDependents();
    this.#failure = why;
    await this.#lives.end(() => this.#policy(asked));
  }

  /**
   * Ends the whole tree, after the executables that require it: the signal, then SIGKILL to what is left after the grace
   * period; and forgets it. Called again, it answers with the same end.
   * @returns how it ended; undefined for one that never ran
   * @throws {AuraeError} internal, when the kernel can't end it
   */
  stop(asked: Partial<StopPolicy> = {}): Promise<Ending | undefined> {
    this.#stopping ??= this.#stop(asked).catch((error: unknown) => {
      this.#stopping = undefined;
      throw error;
    });
    return this.#stopping;
  }

  async #stop(asked: Partial<StopPolicy>): Promise<Ending | undefined> {
    await this.#endTree(asked);
    this.#lives.removeTree();
    this.#around.closed();
    this.#emit("stopped", { status: this.#ending?.status });
    this.#final.resolve(this.#ending ?? this.#endingFrom(UNSEEN));
    return this.#ending;
  }

  /** Removes its control group, if it has ended for good and nothing is in there. @returns whether it is gone */
  isCleared(what: "group" | "tree"): boolean {
    return this.isOver && this.process === undefined && this.#lives.isRemoved(what);
  }

  #emit(kind: EventKind, more: Partial<EventInit> = {}): void {
    const { cell, emit } = this.#around;
    emit({ kind, cell, executable: this.spec.name, pid: this.pid, ...more });
  }
}

function couldNotEnd(error: unknown): void {
  log.error("could not end an executable", { cause: messageOf(error) });
}
