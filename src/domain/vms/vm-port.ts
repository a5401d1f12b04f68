/** Typing into a virtual machine, for somebody who is attached to it. */
import type { VmLife } from "./vm-life.ts";

/** `console`: hvc0 in the guest. `serial`: ttyS0. */
export type PortName = "console" | "serial";

/** The most that a monitor takes at a time. */
const INPUT_MAX_BYTES = 4_096;
/** How long to wait for a guest that does not read: at first, and at most. */
const FIRST_WAIT_MS = 5;
const LAST_WAIT_MS = 200;

const STREAMS = { console: "stdout", serial: "stderr" } as const;

export class VmPort {
  readonly #life: VmLife;
  readonly #name: PortName;

  constructor(life: VmLife, name: PortName) {
    this.#life = life;
    this.#name = name;
  }

  /** Whether there is a guest still. */
  get isOpen(): boolean {
    return this.#life.ending === undefined;
  }

  /** Sees what the guest prints from now on. */
  tap(listener: (bytes: Uint8Array) => void): Disposable {
    return this.#life.output.tap((_stream, bytes) => listener(bytes), STREAMS[this.#name]);
  }

  /**
   * Resolves when the guest has taken all, or has ended.
   * @throws {AuraeError} what the monitor refuses; the signal's reason
   */
  async type(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    let waitMs = FIRST_WAIT_MS;
    for (let rest = bytes; rest.byteLength > 0 && this.#life.ending === undefined;) {
      signal.throwIfAborted();
      const taken = await this.#life.monitor.input(this.#name, rest.subarray(0, INPUT_MAX_BYTES));
      rest = rest.subarray(taken);
      if (taken > 0) {
        waitMs = FIRST_WAIT_MS;
      } else {
        await Bun.sleep(waitMs);
        waitMs = Math.min(waitMs * 2, LAST_WAIT_MS);
      }
    }
  }

  /** A serial port has no size. @throws {AuraeError} what the monitor refuses */
  async resize(columns: number, rows: number): Promise<void> {
    if (this.#name === "console" && columns > 0 && rows > 0) {
      await this.#life.monitor.resize(columns, rows);
    }
  }
}
