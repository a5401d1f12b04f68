/**
 * Namespaces made ahead. To make a set with its first process takes the kernel as long as all else of a short life, so
 * once some were wanted the next ones are made, and kept for a few seconds: who needs many, one after the other, waits for
 * none. After some were given out, that is done once a process that was born in those has ended: a short life begins and
 * runs undisturbed, and most of the time until the next one is the daemon's own, which needs one processor. The end of a
 * longer one is not waited for, and nothing where several are wanted at a time. They end with the daemon, as what they are
 * given to does.
 *
 * A new mount namespace is a copy of the daemon's, and what is mounted on the host later comes there only where mounts are
 * propagated. So once something was mounted, unmounted or mounted anew in the daemon's, what was made before is not given
 * away. How mounts are propagated is as it was when the set was made.
 */
import { openSync } from "node:fs";
import { messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";
import { POLLPRI } from "../abi/poll.ts";
import { isReady } from "../io/poll-list.ts";
import { FileDescriptor } from "../sys/fd.ts";
import type { KernelCellNamespaces } from "./kernel-cell-namespaces.ts";

/** How long those are kept that nobody takes. */
const KEPT_MS = 5_000;
/** How long the next ones wait for the end of a process in those that were given out, and no longer. */
const LIFE_MS = 5;
/** How long the next ones, of all kinds, wait for nothing, once some were wanted while they did. */
const HASTE_MS = 1_000;
/** How soon, and how often, it is looked whether they are made, which takes a millisecond or two; then they are waited for. */
const LOOK_MS = 2;
const LOOKS = 5;

/** As long as the kernel takes a host name (sethostname(2)). */
const HOSTNAME_MAX = 64;

export interface SpareMaker {
  /** Begins to make a set; CLONE_NEW* bits say which. @throws {LaunchError} */
  make(bits: number): KernelCellNamespaces;
  /** Looks for those of which an end was not told: it came before they were watched. */
  look(): void;
}

/** Namespaces, and what is done with them, or with the next ones, when their time is over. */
interface Timed {
  readonly namespaces: KernelCellNamespaces;
  timer: NodeJS.Timeout;
}

export class SpareNamespaces implements Disposable {
  readonly #maker: SpareMaker;
  /** By what they are, one of each kind. */
  readonly #spares = new Map<number, Timed>();
  /** By what is to be made, those that were given out whose next ones wait, and for how long. */
  readonly #due = new Map<number, Timed>();
  /** Until when they wait for nothing, by performance.now(). */
  #hasteUntil = 0;
  readonly #mounts = new FileDescriptor(openSync("/proc/self/mountinfo", "r"));

  constructor(maker: SpareMaker) {
    this.#maker = maker;
  }

  /**
   * Has the next ones of their kind made: where there are none now, as soon as whoever asks has some.
   * @returns undefined where there are none, or none that can be given away
   */
  take(bits: number, hostname: string): KernelCellNamespaces | undefined {
    this.#dropStale();
    const spare = Buffer.byteLength(hostname) > HOSTNAME_MAX ? undefined : this.#spares.get(bits);
    if (spare !== undefined) {
      clearTimeout(spare.timer);
      this.#spares.delete(bits);
      if (spare.namespaces.rename(hostname)) {
        this.#fillAfter(spare.namespaces, bits);
        return spare.namespaces;
      }
      end(spare.namespaces);
    }
    if (this.#due.has(bits)) {
      this.#hasteUntil = performance.now() + HASTE_MS;
    }
    // Not before whoever asks has what it asks for.
    setImmediate(() => this.#fill(bits));
    return undefined;
  }

  /** The kernel tells of each change once: poll(2) of /proc/self/mountinfo, proc_pid_mounts(5). */
  #dropStale(): void {
    if (isReady(this.#mounts.number, POLLPRI)) {
      for (const bits of [...this.#spares.keys()]) {
        this.#drop(bits);
      }
    }
  }

  /** Once a process in these has ended, or does not for a while. */
  #fillAfter(namespaces: KernelCellNamespaces, bits: number): void {
    if (performance.now() < this.#hasteUntil) {
      namespaces.meanwhile(() => this.#fill(bits));
      return;
    }
    const timer = setTimeout(() => this.#fill(bits), LIFE_MS).unref();
    namespaces.whenLeft(() => this.#fill(bits));
    this.#due.set(bits, { namespaces, timer });
  }

  #stopWaiting(bits: number): void {
    const due = this.#due.get(bits);
    clearTimeout(due?.timer);
    due?.namespaces.whenLeft(undefined);
    this.#due.delete(bits);
  }

  #fill(bits: number): void {
    this.#stopWaiting(bits);
    if (this.#mounts.isClosed || this.#spares.has(bits)) {
      return;
    }
    try {
      this.#dropStale();
      const namespaces = this.#maker.make(bits);
      const spare: Timed = {
        namespaces,
        timer: setTimeout(() => this.#look(bits, spare, 1), LOOK_MS),
      };
      this.#spares.set(bits, spare);
    } catch (error) {
      // Who needs some is told why there are none.
      log.trace("could not make namespaces ahead", { reason: messageOf(error) });
    }
  }

  #look(bits: number, spare: Timed, looks: number): void {
    if (spare.namespaces.isThere || looks === LOOKS) {
      this.#settle(bits, spare);
    } else {
      spare.timer = setTimeout(() => this.#look(bits, spare, looks + 1), LOOK_MS);
    }
  }

  /** Has it watched, so that its end is seen whoever brings that about. */
  #settle(bits: number, spare: Timed): void {
    spare.namespaces.settleQuietly();
    spare.namespaces.watchMounts();
    this.#maker.look();
    spare.timer = setTimeout(() => this.#drop(bits), KEPT_MS);
    spare.timer.unref();
  }

  #drop(bits: number): void {
    const spare = this.#spares.get(bits);
    this.#spares.delete(bits);
    if (spare !== undefined) {
      clearTimeout(spare.timer);
      end(spare.namespaces);
    }
  }

  [Symbol.dispose](): void {
    for (const bits of [...this.#due.keys()]) {
      this.#stopWaiting(bits);
    }
    for (const bits of [...this.#spares.keys()]) {
      this.#drop(bits);
    }
    this.#mounts[Symbol.dispose]();
  }
}

function end(namespaces: KernelCellNamespaces): void {
  try {
    namespaces.end();
  } catch (error) {
    log.warn("could not end namespaces that nobody wants", { cause: messageOf(error) });
  }
}
