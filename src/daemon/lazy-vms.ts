/**
 * The virtual machines of the daemon, loaded when somebody first asks for one, or when an earlier daemon has left some: a
 * daemon without them pays nothing for them.
 */
import { messageOf } from "../base/errors.ts";
import { log } from "../base/log.ts";
import type { StoredOutputs } from "../domain/output/stored-outputs.ts";
import type { Vms } from "../domain/vms/vms.ts";
import type { VmAuthority } from "../guest/vm-authority.ts";
import type { Cgroups } from "../kernel/cgroup/cgroups.ts";
import type { Accounts } from "../kernel/process/accounts.ts";
import type { KernelProcesses } from "../kernel/process/kernel-processes.ts";
import type { StateDatabase } from "./state-database.ts";

export interface VmParts {
  readonly state: StateDatabase;
  readonly outputs: StoredOutputs;
  readonly cgroups: Cgroups;
  readonly accounts: Accounts;
  readonly processes: KernelProcesses;
  readonly runtimeDir: string;
  readonly libraryDir: string;
  /** What guests get their certificates from. */
  readonly vmAuthority: VmAuthority | undefined;
}

export class LazyVms {
  readonly #parts: VmParts;
  #vms: Promise<Vms> | undefined;

  constructor(parts: VmParts) {
    this.#parts = parts;
  }

  /** Those that are there, once what an earlier daemon has left of them is taken up. */
  get(): Promise<Vms> {
    this.#vms ??= this.#load().catch((error: unknown) => {
      this.#vms = undefined;
      throw error;
    });
    return this.#vms;
  }

  async #load(): Promise<Vms> {
    const { createVms } = await import("./create-vms.ts");
    return await createVms(this.#parts);
  }

  /** Takes up what an earlier daemon has left. Never rejects. */
  async takeUp(): Promise<void> {
    if (this.#parts.state.hasVms) {
      await this.get().catch((error: unknown) =>
        log.error("could not take up the vms of the daemon before", { cause: messageOf(error) }),
      );
    }
  }

  /** Frees them all, if there may be any. Never rejects. */
  async freeAll(graceMs: number): Promise<void> {
    const vms = await this.#vms?.catch(() => undefined);
    await vms?.freeAll(graceMs);
  }
}
