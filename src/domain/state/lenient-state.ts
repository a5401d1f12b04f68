/**
 * The state as cells and executables want it: where it can't be kept, on a full disk, what they do goes on, and the loss
 * is told in the log. What is only about to begin is refused instead.
 */
import { AuraeError, messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import type { ExecutableRecord } from "../executables/executable-record.ts";
import type { CellRecord, OnceClaim, SavedState, StateStore } from "./state-store.ts";

/** How long what is to go soon may wait for more of its kind, and how much of it. */
const SOON_MS = 20;
const SOON_MAX = 64;

export class LenientState implements StateStore {
  readonly #state: StateStore;
  /** Names of cells that are to go soon. */
  readonly #leftovers = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(state: StateStore) {
    this.#state = state;
  }

  load(): SavedState {
    return this.#state.load();
  }

  /** @throws {AuraeError} resource_exhausted for a cell that is about to be allocated */
  saveCell(record: CellRecord): void {
    const save = (): void => {
      this.#state.saveCell(record);
      this.#leftovers.delete(record.name);
    };
    if (record.state === "allocating") {
      orRefuse(`cell '${record.name}' could not be allocated`, save);
    } else {
      orLog("cell", record.name, save);
    }
  }

  removeCell(name: string): void {
    orLog("cell", name, () => this.#state.removeCell(name));
  }

  removeCells(names: readonly string[]): void {
    orLog("cells", names.join(", "), () => {
      this.#state.removeCells(names);
      // Those that could not be removed are tried again with the next that go soon.
      for (const name of names) {
        this.#leftovers.delete(name);
      }
    });
  }

  /**
   * Removes one of which a successor would find nothing but this, together with others: each step costs as much as a good
   * part of a short life. Where the name is saved again meanwhile, that stays.
   */
  removeCellSoon(name: string): void {
    this.#leftovers.add(name);
    if (this.#leftovers.size >= SOON_MAX) {
      this.flush();
    } else {
      this.#timer ??= setTimeout(() => this.flush(), SOON_MS).unref();
    }
  }

  /** Removes at once what is to go soon. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#leftovers.size > 0) {
      this.removeCells([...this.#leftovers]);
    }
  }

  saveExecutable(cell: string, record: ExecutableRecord): void {
    const { name } = record.spec;
    orLog("executable", name, () => this.#state.saveExecutable(cell, record));
  }

  removeExecutable(cell: string, name: string): void {
    orLog("executable", name, () => this.#state.removeExecutable(cell, name));
  }

  /** @throws {AuraeError} resource_exhausted */
  claimOnce(cell: string, name: string): boolean {
    return orRefuse(`executable '${name}' could not be started`, () =>
      this.#state.claimOnce(cell, name),
    );
  }

  /** @throws {Error} whatever keeps it from that */
  claims(): readonly OnceClaim[] {
    return this.#state.claims();
  }

  disclaimOnce(cell: string, name: string): void {
    orLog("executable", name, () => this.#state.disclaimOnce(cell, name));
  }

  /** @throws {Error} whatever keeps it from that */
  reserveEvents(upTo: bigint): void {
    this.#state.reserveEvents(upTo);
  }
}

function orRefuse<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    const message = `${what}: its state can't be kept: ${messageOf(cause)}`;
    throw new AuraeError("resource_exhausted", message, { cause });
  }
}

function orLog(kind: string, name: string, run: () => void): void {
  try {
    run();
  } catch (error) {
    log.error("could not keep a state for the daemon that comes next", {
      [kind]: name,
      cause: messageOf(error),
    });
  }
}
