/**
 * What a thread has to say to the main thread by itself: that the machine has ended, which is never lost, and lines for
 * the log, of which those are that come while one still waits. So a guest can't have us write without end.
 */
import type { Bell } from "./bell.ts";
import type { LogFields, VmEnd } from "../protocol/messages.ts";
import { bounded } from "../protocol/bounded.ts";
import { JsonSlot } from "./json-slot.ts";

const MAX_BYTES = 64 * 1024;
/** Of a text, before it is JSON. */
const MAX_TEXT = 1024;

export interface LogLine {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly fields: LogFields;
}

export interface ReportsMemory {
  readonly end: SharedArrayBuffer;
  readonly log: SharedArrayBuffer;
}

export class Reports {
  readonly #end: JsonSlot;
  readonly #log: JsonSlot;
  readonly #bell: Bell;

  /** @param bell wakes the main thread @param memory of the same reports in another thread */
  constructor(bell: Bell, memory?: ReportsMemory) {
    this.#end = new JsonSlot(memory?.end ?? MAX_BYTES);
    this.#log = new JsonSlot(memory?.log ?? MAX_BYTES);
    this.#bell = bell;
  }

  get memory(): ReportsMemory {
    return { end: this.#end.memory, log: this.#log.memory };
  }

  /** The machine has ended, by this thread. The first time counts. */
  end(end: VmEnd): void {
    this.#end.put({ kind: end.kind, message: bounded(end.message) });
    this.#bell.signal();
  }

  log(line: LogLine): void {
    const message = line.message.slice(0, MAX_TEXT);
    const fields = Object.fromEntries(
      Object.entries(line.fields).map(([name, value]) => [
        name,
        typeof value === "string" ? value.slice(0, MAX_TEXT) : value,
      ]),
    );
    if (this.#log.put({ level: line.level, message, fields })) {
      this.#bell.signal();
    }
  }

  /** For the main thread. */
  takeEnd(): VmEnd | undefined {
    return this.#end.take() as VmEnd | undefined;
  }

  takeLog(): LogLine | undefined {
    return this.#log.take() as LogLine | undefined;
  }
}
