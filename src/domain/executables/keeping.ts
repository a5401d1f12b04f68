/**
 * What is kept of the executables of one cell for the daemon that comes next. Of a cell that goes with its caller that is
 * nothing: a successor ends what is there, and need not know what it was. What holds for the whole boot is kept of all.
 */
import { AuraeError } from "../../base/errors.ts";
import type { StateStore } from "../state/state-store.ts";
import type { ExecutableName } from "./executable-name.ts";
import type { ExecutableRecord } from "./executable-record.ts";

export class Keeping {
  readonly #state: StateStore;
  readonly #cell: string;
  readonly #isTransient: boolean;

  /** @param cell the full name; empty for none */
  constructor(state: StateStore, cell: string, isTransient: boolean) {
    this.#state = state;
    this.#cell = cell;
    this.#isTransient = isTransient;
  }

  /** @param record is made only where it is kept: parts of it are asked of the kernel */
  save(record: () => ExecutableRecord): void {
    if (!this.#isTransient) {
      this.#state.saveExecutable(this.#cell, record());
    }
  }

  remove(name: ExecutableName): void {
    if (!this.#isTransient) {
      this.#state.removeExecutable(this.#cell, name);
    }
  }

  /** @throws {AuraeError} failed_precondition where it was claimed since the boot, resource_exhausted */
  claimOnce(name: ExecutableName): void {
    if (!this.#state.claimOnce(this.#cell, name)) {
      throw new AuraeError(
        "failed_precondition",
        `executable '${name}' was started since the machine booted, and is to be started once a boot`,
        { resource: name },
      );
    }
  }

  disclaimOnce(name: ExecutableName): void {
    this.#state.disclaimOnce(this.#cell, name);
  }
}
