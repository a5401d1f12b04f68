/** State that is kept nowhere. For tests, and to see what a daemon would find. */
import type { ExecutableRecord } from "../executables/executable-record.ts";
import type { CellRecord, OnceClaim, SavedState, StateStore } from "./state-store.ts";

export class MemoryState implements StateStore {
  readonly #cells = new Map<string, CellRecord>();
  readonly #executables = new Map<string, { cell: string; record: ExecutableRecord }>();
  readonly #claimed = new Set<string>();
  #lastEvent = 0n;

  load(): SavedState {
    return {
      cells: [...this.#cells.values()],
      executables: [...this.#executables.values()],
      lastEvent: this.#lastEvent,
    };
  }

  saveCell(record: CellRecord): void {
    this.#cells.set(record.name, record);
  }

  removeCell(name: string): void {
    this.#cells.delete(name);
    for (const [key, { cell }] of this.#executables) {
      if (cell === name) {
        this.#executables.delete(key);
      }
    }
  }

  removeCells(names: readonly string[]): void {
    for (const name of names) {
      this.removeCell(name);
    }
  }

  saveExecutable(cell: string, record: ExecutableRecord): void {
    this.#executables.set(`${cell}\0${record.spec.name}`, { cell, record });
  }

  removeExecutable(cell: string, name: string): void {
    this.#executables.delete(`${cell}\0${name}`);
  }

  claimOnce(cell: string, executable: string): boolean {
    const key = `${cell}\0${executable}`;
    const isFirst = !this.#claimed.has(key);
    this.#claimed.add(key);
    return isFirst;
  }

  claims(): OnceClaim[] {
    return [...this.#claimed].sort().map((key) => {
      const [cell = "", executable = ""] = key.split("\0");
      return { cell, executable };
    });
  }

  disclaimOnce(cell: string, executable: string): void {
    this.#claimed.delete(`${cell}\0${executable}`);
  }

  reserveEvents(upTo: bigint): void {
    this.#lastEvent = upTo;
  }
}
