/** State of virtual machines that is kept nowhere. For tests, and to see what a daemon would find. */
import type { SavedVms, VmRecord, VmStateStore } from "../../src/domain/vms/vm-record.ts";

export class MemoryVmState implements VmStateStore {
  readonly #records = new Map<string, VmRecord>();
  #lastEvent = 0n;
  isFull = false;
  /** Ids whose records can't be read. */
  readonly lost = new Set<string>();

  load(): SavedVms {
    return { vms: [...this.#records.values()], lost: [...this.lost], lastEvent: this.#lastEvent };
  }

  save(record: VmRecord): void {
    if (this.isFull) {
      throw new Error("database or disk is full");
    }
    this.#records.set(record.spec.id, record);
  }

  remove(id: string): void {
    this.#records.delete(id);
  }

  reserveEvents(upTo: bigint): void {
    this.#lastEvent = upTo;
  }
}
