/** The control groups of monitors, `_vms/<id>`: no cell can have that name. They hold what a machine takes within bounds. */
import { log } from "../base/log.ts";
import { type Cgroups, isTreeRemoved } from "../kernel/cgroup/cgroups.ts";
import { limitWrites } from "../kernel/cgroup/limit-writes.ts";
import type { Controller } from "../kernel/cgroup/limits.ts";
import { readerOf } from "../kernel/cgroup/read-limits.ts";
import { numberOf } from "../kernel/cgroup/text.ts";
import type { FileDescriptor } from "../kernel/sys/fd.ts";

const PARENT = "_vms";
const WANTED: readonly Controller[] = ["memory", "pids"];
/** How often to try to remove a group that the kernel still holds for a moment. */
const REMOVAL_STEP_MS = 10;
const REMOVAL_TRIES = 200;

export interface VmLimits {
  readonly memoryBytes: number;
  /** Threads, too. */
  readonly processes: bigint;
}

export class VmCgroups {
  readonly #cgroups: Cgroups;
  #hasWarned = false;

  constructor(cgroups: Cgroups) {
    this.#cgroups = cgroups;
  }

  #path(id: string): string {
    return `${PARENT}/${id}`;
  }

  /** Makes a group, as far as this host can with its limits. @throws {SyscallError} EEXIST */
  create(id: string, limits: VmLimits): FileDescriptor {
    const path = this.#path(id);
    const controllers = this.#prepare();
    this.#cgroups.create(path);
    try {
      const memory = { max: BigInt(limits.memoryBytes), oomGroup: true };
      for (const write of limitWrites({ memory, pids: { max: limits.processes } })) {
        if (controllers.has(write.controller)) {
          this.#cgroups.write(path, write);
        }
      }
      return this.#cgroups.open(path);
    } catch (error) {
      this.#cgroups.remove(path);
      throw error;
    }
  }

  /** Makes the group of them all, and answers with the controllers that its children have. */
  #prepare(): ReadonlySet<Controller> {
    this.#cgroups.delegate("", WANTED);
    if (!this.#cgroups.exists(PARENT)) {
      this.#cgroups.create(PARENT);
    }
    const controllers = this.#cgroups.delegate(PARENT, WANTED);
    const missing = WANTED.filter((controller) => !controllers.has(controller));
    if (missing.length > 0 && !this.#hasWarned) {
      this.#hasWarned = true;
      log.warn("virtual machines run without limits that this host has no controller for", {
        missing: missing.join(","),
      });
    }
    return controllers;
  }

  /** The processes in the group; none where there is no such group. */
  processes(id: string): number[] {
    return this.#cgroups.processes(this.#path(id));
  }

  /** Whether the process runs, and is in the group. */
  has(id: string, pid: number): boolean {
    return this.processes(id).includes(pid);
  }

  kill(id: string): void {
    this.#cgroups.kill(this.#path(id));
  }

  /** Whether the kernel has ended something in it for want of memory. */
  wasOutOfMemory(id: string): boolean {
    // There is no such file without the controller.
    const events = readerOf(this.#cgroups, this.#path(id))("memory.events") ?? "";
    return (numberOf(events, "oom_kill") ?? 0n) > 0n;
  }

  /** Ends all that is in it, and removes it once it is empty. A group that is not there is no error. */
  async remove(id: string): Promise<void> {
    const path = this.#path(id);
    if (!this.#cgroups.exists(path)) {
      return;
    }
    this.#cgroups.kill(path);
    await this.#cgroups.emptied(path);
    for (let i = 0; i < REMOVAL_TRIES && !isTreeRemoved(this.#cgroups, path); i++) {
      await Bun.sleep(REMOVAL_STEP_MS);
    }
  }
}
