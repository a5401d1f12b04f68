/**
 * One life of an executable: a process tree in a control group of its own, from its start to the end of its last
 * process. It ends the tree, and drains what it prints. It decides nothing: what follows upon its end is for
 * executable.ts.
 */
import { AuraeError, messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import { removeTree } from "../../kernel/cgroup/cgroups.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { ManagedProcess, ProcessEnd } from "../../kernel/process/processes.ts";
import type { StopPolicy } from "./executable-spec.ts";
import { OutputDrain } from "./output-drain.ts";
import type { OutputSinks } from "./outputs.ts";

/** How long a tree may take to die of SIGKILL. Longer means that the kernel holds it in an uninterruptible call. */
export const KILL_TIMEOUT_MS = 10_000;

export class Life {
  readonly process: ManagedProcess;
  /** Whether it was started by an earlier daemon. */
  readonly isAdopted: boolean;
  readonly #kernel: Kernel;
  readonly #cgroup: string;
  readonly #name: string;
  readonly #output: OutputDrain;
  /** Resolves when the first process has ended; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  #hasEnded = false;

  /** @param name of the executable, for messages */
  constructor(
    kernel: Kernel,
    place: { readonly name: string; readonly cgroup: string },
    process: ManagedProcess,
    sinks: OutputSinks,
    isAdopted = false,
  ) {
    this.#kernel = kernel;
    this.#cgroup = place.cgroup;
    this.#name = place.name;
    this.process = process;
    this.isAdopted = isAdopted;
    this.ended = process.exited.catch((error: unknown) => {
      log.error("lost an executable's exit status", {
        executable: place.name,
        pid: process.pid,
        cause: messageOf(error),
      });
      return { status: undefined, maxRssBytes: 0 };
    });
    // The first that hear of the end: whoever is told of it finds all that was printed before.
    void this.ended.then(() => {
      this.#hasEnded = true;
      this.#output.take();
    });
    this.#output = new OutputDrain(process, sinks, (error) =>
      log.error("lost output of an executable", {
        executable: place.name,
        cause: messageOf(error),
      }),
    );
  }

  /** Resolves when nobody can write output any more; never rejects. */
  get drained(): Promise<unknown> {
    return this.#output.done;
  }

  /**
   * Ends the whole tree: the signal first, then SIGKILL to what is left after the grace period. The control group stays.
   * @param policy is asked only where something is left to end
   * @throws {AuraeError} internal, when the kernel can't end it
   */
  async end(policy: () => StopPolicy): Promise<void> {
    // In most cases one whose first process has ended has ended whole.
    if (!(this.#hasEnded && this.#kernel.cgroups.isEmpty(this.#cgroup))) {
      const { signal, graceMs } = policy();
      this.#signal(signal);
      if (!(await this.#emptiedWithin(graceMs))) {
        await endGroup(this.#kernel, this.#name, this.#cgroup);
      }
    }
    await this.finish();
  }

  /** Resolves once the first process has ended, and its output, where nothing is left to end. */
  async finish(): Promise<void> {
    await this.ended;
    await this.#output.finish();
  }

  /** SIGKILL to what is left of the tree, if anything, and the end of its output. @throws {AuraeError} internal */
  async clear(): Promise<void> {
    await endGroup(this.#kernel, this.#name, this.#cgroup);
    await this.#output.finish();
  }

  /**
   * To the process group, and to each process of the tree that is in none or another: a daemon's second fork, and once
   * the first process has ended, everybody, since the group's id may be another's by then.
   */
  #signal(signal: number): void {
    const { cgroups, processes } = this.#kernel;
    const members = cgroups.processes(this.#cgroup);
    const strays = this.#hasEnded
      ? members
      : members.filter((pid) => processes.groupOf(pid) !== this.process.pid);
    this.process.signalGroup(signal);
    for (const pid of strays) {
      processes.signal(pid, signal);
    }
  }

  async #emptiedWithin(timeoutMs: number): Promise<boolean> {
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      // In most cases the tree is gone with its first process, which is known sooner than the group's notice comes.
      await this.#endedOr(timeout);
      await this.#kernel.cgroups.emptied(this.#cgroup, timeout);
      return true;
    } catch (error) {
      if (timeout.aborted) {
        return false;
      }
      throw error;
    }
  }

  /** Resolves when the first process has ended, or when the signal aborts. */
  async #endedOr(signal: AbortSignal): Promise<void> {
    const { promise: aborted, resolve } = Promise.withResolvers<void>();
    const onAbort = (): void => resolve();
    signal.addEventListener("abort", onAbort, { once: true });
    await Promise.race([this.ended, aborted]);
    signal.removeEventListener("abort", onAbort);
  }

  drainedSoon(): Promise<void> {
    return this.#output.doneSoon();
  }
}

/** SIGKILL to whatever is in an executable's control group. @throws {AuraeError} internal, when the kernel can't end it */
export async function endGroup(kernel: Kernel, name: string, cgroup: string): Promise<void> {
  const { cgroups } = kernel;
  const timeout = AbortSignal.timeout(KILL_TIMEOUT_MS);
  try {
    cgroups.kill(cgroup);
    await cgroups.emptied(cgroup, timeout);
  } catch (cause) {
    if (!timeout.aborted) {
      throw cause;
    }
    throw new AuraeError(
      "internal",
      `executable '${name}' failed to stop: processes ${cgroups.processes(cgroup).join(", ")} did not end ${KILL_TIMEOUT_MS} ms after SIGKILL`,
      { resource: name, cause },
    );
  }
}

/** Ends whatever is in a control group, and removes it. @throws {AuraeError} internal, when the kernel can't end it */
export async function removeGroup(kernel: Kernel, name: string, cgroup: string): Promise<void> {
  await endGroup(kernel, name, cgroup);
  removeTree(kernel.cgroups, cgroup);
}
