/**
 * The lives of one executable, one after the other: begins one or takes one up, has it watched over, and ends it with
 * what is left of its tree. It decides nothing: what follows upon what it tells is for executable.ts.
 */
import { isRemoved, isTreeRemoved, removeTree } from "../../kernel/cgroup/cgroups.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { ManagedProcess, ProcessEnd } from "../../kernel/process/processes.ts";
import { isErrno } from "../../kernel/sys/error.ts";
import { type ExecutableRecord, lifeRecord } from "./executable-record.ts";
import type { ExecutableSpec, StopPolicy } from "./executable-spec.ts";
import { endGroup, Life } from "./life.ts";
import { spawn, type Surroundings } from "./surroundings.ts";
import { type Earlier, Watch, type WatchEvents } from "./watch.ts";

export interface LivesEvents extends WatchEvents {
  /** The first process has ended; its tree may live on. */
  readonly onEnded: (end: ProcessEnd) => void;
}

/** As the machine and as its cell see it. */
export interface ProcessIds {
  readonly pid: number;
  readonly namespacePid: number;
}

export class Lives {
  readonly #around: Surroundings;
  readonly #spec: ExecutableSpec;
  readonly #events: LivesEvents;
  /** The last one; its tree may outlive its first process. */
  #life: Life | undefined;
  #watch: Watch | undefined;
  #isAlive = false;
  /** Whether its control group is known to be gone, and with it all of its processes. */
  #isGroupGone = false;
  #lastPids: ProcessIds;

  /** @param lastPids of the one that an earlier daemon had */
  constructor(
    around: Surroundings,
    spec: ExecutableSpec,
    lastPids: ProcessIds | undefined,
    events: LivesEvents,
  ) {
    this.#around = around;
    this.#spec = spec;
    this.#lastPids = lastPids ?? { pid: 0, namespacePid: 0 };
    this.#events = events;
  }

  /** Of the last process; 0 before the first. */
  get pids(): ProcessIds {
    return this.#life?.process ?? this.#lastPids;
  }

  /** The first process, while it runs. */
  get process(): ManagedProcess | undefined {
    return this.#isAlive ? this.#life?.process : undefined;
  }

  /** What finds the process again. */
  get record(): Pick<ExecutableRecord, "pids" | "life" | "notifySocket"> {
    const { pid, namespacePid } = this.pids;
    const life = this.process === undefined ? undefined : lifeRecord(this.process);
    return { pids: { pid, namespacePid }, life, notifySocket: this.#watch?.notifySocket };
  }

  /** @throws {LaunchError | SyscallError | AuraeError} nothing is left behind then */
  launch(): void {
    const { kernel, cgroup, groupMade } = this.#around;
    using undo = new DisposableStack();
    if (makeGroup(kernel, cgroup)) {
      groupMade(cgroup);
      undo.defer(() => removeTree(kernel.cgroups, cgroup));
    }
    this.#isGroupGone = false;
    const watch = undo.use(this.#createWatch());
    const process = spawn(this.#around, watch.options);
    undo.move();
    this.#begin(process, watch, false);
  }

  /** Goes on with a process that was there before us. */
  takeUp(process: ManagedProcess, earlier: Earlier): void {
    this.#begin(process, this.#createWatch(earlier), true);
  }

  #createWatch(earlier?: Earlier): Watch {
    return new Watch(this.#around, this.#spec, earlier, this.#events);
  }

  #begin(process: ManagedProcess, watch: Watch, isAdopted: boolean): void {
    const { kernel, cgroup, sinks, began } = this.#around;
    began(process);
    const place = { name: this.#spec.name, cgroup };
    const life = new Life(kernel, place, process, sinks, isAdopted);
    this.#life = life;
    this.#watch = watch;
    this.#isAlive = true;
    void life.ended.then((end) => {
      if (this.#life === life) {
        this.#isAlive = false;
        this.unwatch();
        this.#events.onEnded(end);
      }
    });
  }

  /** Has the life that was begun watched over. One that needs to say nothing is ready at once. */
  watch(): void {
    this.#watch?.launched();
  }

  /** Sees nothing of this life any more but its end. */
  unwatch(): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
  }

  /**
   * Ends the whole tree; resolves once its end was told.
   * @throws {AuraeError} internal, when the kernel can't end it
   */
  async end(policy: () => StopPolicy): Promise<void> {
    if (this.#life === undefined) {
      await this.clear();
    } else {
      await (this.#isGroupGone ? this.#life.finish() : this.#life.end(policy));
      await this.#life.ended;
    }
  }

  /**
   * Removes its control group unless a process is in there, or, for the group alone, another group.
   * @returns whether it is gone @throws {SyscallError}
   */
  isRemoved(what: "group" | "tree"): boolean {
    const { kernel, cgroup } = this.#around;
    this.#isGroupGone ||= (what === "group" ? isRemoved : isTreeRemoved)(kernel.cgroups, cgroup);
    return this.#isGroupGone;
  }

  /** Removes its control group with all below, where no process is. @throws {SyscallError} EBUSY */
  removeTree(): void {
    if (!this.#isGroupGone) {
      removeTree(this.#around.kernel.cgroups, this.#around.cgroup);
      this.#isGroupGone = true;
    }
  }

  /** SIGKILL to what is left of the tree, if anything. @throws {AuraeError} internal */
  async clear(): Promise<void> {
    const { kernel, cgroup } = this.#around;
    await (this.#life?.clear() ?? endGroup(kernel, this.#spec.name, cgroup));
    // Since Linux 6.14, what is born by CLONE_INTO_CGROUP into a group that cgroup.kill was ever written to is killed at
    // once, so the next life gets a new one.
    this.removeTree();
  }

  /** Resolves when nobody can write output any more. */
  async drained(): Promise<void> {
    await this.#life?.drained;
  }

  /** The same, or after a while, where others hold it open. */
  async drainedSoon(): Promise<void> {
    await this.#life?.drainedSoon();
  }
}

/** @returns whether it was not there @throws {SyscallError} */
function makeGroup(kernel: Kernel, cgroup: string): boolean {
  try {
    kernel.cgroups.create(cgroup);
    return true;
  } catch (error) {
    if (isErrno(error, "EEXIST")) {
      return false;
    }
    throw error;
  }
}
