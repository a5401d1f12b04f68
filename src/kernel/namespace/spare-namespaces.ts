/**
 * Namespaces made ahead. To make a set with its first process takes the kernel as long as all else of a short life, so
 * while what was given some runs, the next ones are made, and kept for a few seconds: who needs many, one after the other,
 * waits for none. They end with the daemon, as what they are given to does.
 *
 * A new mount namespace is a copy of the daemon's, and what is mounted on the host later comes there only where mounts are
 * propagated. So once the daemon's mounts have changed, what was made before is not given away.
 */
import { openSync } from "node:fs";
import { POLLIN, POLLPRI } from "../abi/poll.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { syscallRaw } from "../sys/syscall.ts";
import type { KernelCellNamespaces } from "./kernel-cell-namespaces.ts";

/** How long those are kept that nobody takes. */
const KEPT_MS = 5_000;

/** `struct pollfd` (poll(2)) */
const POLLED_EVENTS = 4;
const POLLED_ANSWER = 6;
const POLLED_BYTES = 8;

export class SpareNamespaces implements Disposable {
  readonly #make: (bits: number) => KernelCellNamespaces;
  /** By what they are, one of each kind. */
  readonly #spares = new Map<number, KernelCellNamespaces>();
  readonly #ordered = new Set<number>();
  readonly #mounts = new FileDescriptor(openSync("/proc/self/mountinfo", "r"));
  readonly #polled = new DataView(new ArrayBuffer(POLLED_BYTES));
  #timer: NodeJS.Timeout | undefined;

  /** @param make begins to make a set; CLONE_NEW* bits say which. @throws {LaunchError} */
  constructor(make: (bits: number) => KernelCellNamespaces) {
    this.#make = make;
    this.#polled.setInt32(0, this.#mounts.number, true);
    this.#polled.setInt16(POLLED_EVENTS, POLLIN | POLLPRI, true);
  }

  /** Whether the daemon's mounts have changed since this was asked for the last time. */
  #haveMountsChanged(): boolean {
    syscallRaw("poll", this.#polled, 1, 0);
    return (this.#polled.getInt16(POLLED_ANSWER, true) & POLLPRI) !== 0;
  }

  /**
   * Has others of the same kind made soon.
   * @returns undefined where there are none, or none that can be given away
   */
  take(bits: number, hostname: string): KernelCellNamespaces | undefined {
    if (this.#haveMountsChanged()) {
      this.#drop();
    }
    const spare = this.#spares.get(bits);
    this.#spares.delete(bits);
    if (spare?.setHostname(hostname) === true) {
      // While the kernel makes a process that is to be in there, there is nothing else to do.
      spare.makeNext = () => {
        spare.makeNext = undefined;
        this.#fill(bits);
      };
      return spare;
    }
    spare?.end();
    this.#order(bits);
    return undefined;
  }

  #order(bits: number): void {
    if (!this.#ordered.has(bits)) {
      this.#ordered.add(bits);
      // Not before whoever asks has what it asks for.
      setImmediate(() => this.#fill(bits));
    }
  }

  #fill(bits: number): void {
    this.#ordered.delete(bits);
    if (this.#mounts.isClosed || this.#spares.has(bits)) {
      return;
    }
    if (this.#haveMountsChanged()) {
      this.#drop();
    }
    try {
      this.#spares.set(bits, this.#make(bits));
    } catch {
      return; // who needs some is told why there are none
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#drop(), KEPT_MS);
    this.#timer.unref();
  }

  #drop(): void {
    for (const spare of this.#spares.values()) {
      spare.end();
    }
    this.#spares.clear();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#drop();
    this.#mounts[Symbol.dispose]();
  }
}
