/**
 * Things that happen, numbered in the order in which they do. The last ones are kept, so that somebody who was away can
 * go on where they left. They are stored nowhere: numbers begin anew with the boot, and the daemon that comes back goes on
 * behind the last one that may have been told. To know that one, numbers are reserved before they are told, many at a
 * time.
 */
import { AuraeError, messageOf } from "../../base/errors.ts";
import { log } from "../../base/log.ts";

/** How many events are kept. */
const KEPT_EVENTS = 10_000;
/** How many may wait for one reader; one that is slower is cut off, and comes back with the number of its last one. */
const MAX_WAITING_EVENTS = KEPT_EVENTS;
/** How many numbers are reserved at a time: so many events cost one write. */
export const RESERVED_EVENTS = 1_000;

/** One that was told. */
export type Sequenced<Init extends object> = Init & {
  /** One more than that of the event before. */
  readonly sequence: bigint;
  readonly timestampMs: number;
};

export interface SequencedLogOptions {
  /** The number of the last event that may have been told before; 0n for none. */
  readonly last?: bigint;
  /** Keeps that events up to this number may be told from now on. */
  readonly reserve?: (upTo: bigint) => void;
  readonly capacity?: number;
}

export class SequencedLog<Init extends object> {
  readonly #kept: Sequenced<Init>[] = [];
  readonly #readers = new Set<(event: Sequenced<Init>) => void>();
  readonly #capacity: number;
  readonly #reserve: (upTo: bigint) => void;
  #last: bigint;
  #reserved: bigint;

  constructor({ last = 0n, reserve, capacity = KEPT_EVENTS }: SequencedLogOptions = {}) {
    this.#last = last;
    this.#reserved = last;
    this.#reserve = reserve ?? (() => undefined);
    this.#capacity = capacity;
  }

  get lastSequence(): bigint {
    return this.#last;
  }

  /** Never throws. */
  emit(init: Init): void {
    if (this.#last === this.#reserved) {
      this.#reserveMore();
    }
    this.#last += 1n;
    const event = { ...init, sequence: this.#last, timestampMs: Date.now() };
    this.#kept.push(event);
    // Twice as many at most, so that dropping the old ones is rare.
    if (this.#kept.length >= this.#capacity * 2) {
      this.#kept.splice(0, this.#kept.length - this.#capacity);
    }
    for (const reader of this.#readers) {
      reader(event);
    }
  }

  #reserveMore(): void {
    this.#reserved += BigInt(RESERVED_EVENTS);
    try {
      this.#reserve(this.#reserved);
    } catch (error) {
      // What happens is told all the same; the daemon that comes next may only tell a number twice.
      log.error("could not reserve the numbers of events", { cause: messageOf(error) });
    }
  }

  /**
   * Follows the events until the signal aborts.
   * @param after events after this one come first; undefined: those from now on
   * @throws {AuraeError} out_of_range when events after that number are no longer kept, resource_exhausted for a reader
   * that is too slow
   */
  async *follow(
    after: bigint | undefined,
    isWanted: (event: Init) => boolean,
    signal: AbortSignal,
  ): AsyncGenerator<Sequenced<Init>> {
    const waiting = this.#since(after).filter(isWanted);
    let wake = Promise.withResolvers<void>();
    let isTooSlow = false;
    const reader = (event: Sequenced<Init>): void => {
      // Nothing after what was left out, so that there is no gap.
      if (isTooSlow || !isWanted(event)) {
        return;
      }
      if (waiting.length >= MAX_WAITING_EVENTS + this.#capacity) {
        isTooSlow = true;
      } else {
        waiting.push(event);
      }
      wake.resolve();
    };
    const onAbort = (): void => wake.resolve();
    this.#readers.add(reader);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      let told = after ?? this.#last;
      while (!signal.aborted) {
        wake = Promise.withResolvers();
        for (const event of waiting.splice(0)) {
          if (signal.aborted) {
            return;
          }
          told = event.sequence;
          yield event;
        }
        if (waiting.length > 0) {
          continue;
        }
        if (isTooSlow) {
          throw new AuraeError(
            "resource_exhausted",
            `this reader of events is too slow; go on with after_sequence = ${told}`,
          );
        }
        await wake.promise;
      }
    } finally {
      this.#readers.delete(reader);
      signal.removeEventListener("abort", onAbort);
    }
  }

  #since(after: bigint | undefined): Sequenced<Init>[] {
    if (after === undefined) {
      return [];
    }
    if (after > this.#last) {
      throw new AuraeError(
        "out_of_range",
        `there is no event ${after} yet: the last one is ${this.#last}; the machine may have booted since, so begin with 0`,
      );
    }
    const oldest = this.#kept[0]?.sequence ?? this.#last + 1n;
    if (after + 1n < oldest) {
      throw new AuraeError(
        "out_of_range",
        `events after ${after} are no longer kept: the oldest is ${oldest}; look at List, and begin with ${oldest - 1n}`,
      );
    }
    return this.#kept.slice(Number(after + 1n - oldest));
  }
}
