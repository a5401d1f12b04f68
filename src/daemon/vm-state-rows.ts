/** The state of virtual machines as rows of the database, each checked by itself, so that one that is bad leaves the others. */
import { messageOf } from "../base/errors.ts";
import type { SavedVms, VmRecord, VmStateStore } from "../domain/vms/vm-record.ts";
import { checkVmRecord } from "../domain/vms/vm-shape.ts";
import type { BadRow } from "./bad-records.ts";
import type { StateDatabase } from "./state-database.ts";
import { decodeState, encodeState } from "./state-json.ts";
import { lastEventOf } from "./state-rows.ts";

const LAST_EVENT = "last_vm_event";

export class VmStateRows implements VmStateStore {
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  load(): SavedVms {
    const bad: BadRow[] = [];
    const vms: VmRecord[] = [];
    for (const { id, record: text } of this.#database.vmRows()) {
      try {
        vms.push(recordOf(id, text));
      } catch (error) {
        bad.push({ table: "vms", key: { id }, text, why: messageOf(error) });
      }
    }
    const lost = bad.flatMap(({ key }) => (key.id === undefined ? [] : [key.id]));
    const lastEvent = lastEventOf(LAST_EVENT, this.#database.meta(LAST_EVENT), bad);
    if (bad.length > 0) {
      this.#database.setAside(bad);
      this.reserveEvents(lastEvent);
    }
    return { vms, lost, lastEvent };
  }

  save(record: VmRecord): void {
    this.#database.saveVm(record.spec.id, encodeState(record));
  }

  remove(id: string): void {
    this.#database.removeVm(id);
  }

  reserveEvents(upTo: bigint): void {
    this.#database.setMeta(LAST_EVENT, `${upTo}`);
  }
}

function recordOf(id: string, text: string): VmRecord {
  const record = checkVmRecord(decodeState(text));
  if (record.spec.id !== id) {
    throw new Error("the record of a vm is of another vm");
  }
  return record;
}
