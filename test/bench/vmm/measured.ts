/** What host.c prints of one run: a name and a number a line. Times are of nanoseconds since the monitor's start. */
import { SPANS, type Span } from "./marks.ts";

export class Measured {
  readonly #numbers = new Map<string, number>();

  constructor(printed: string) {
    for (const [, name = "", number] of printed.matchAll(/^(\S+) (-?\d+)$/gm)) {
      // Of marks that come again and again, the first.
      if (!this.#numbers.has(name)) {
        this.#numbers.set(name, Number(number));
      }
    }
  }

  #number(name: string): number {
    const value = this.#numbers.get(name);
    if (value === undefined) {
      throw new Error(`find "${name}" in what a run printed: it has ${[...this.#numbers.keys()]}`);
    }
    return value;
  }

  /** From the monitor's start to a mark, or to "run", the first KVM_RUN. */
  seconds(name: string): number {
    return this.#number(name) / 1e9;
  }

  /** What the guest took for a task, by the host's clock. */
  spanSeconds(span: Span): number {
    const [from, to] = SPANS[span];
    return this.seconds(to) - this.seconds(from);
  }

  /** The monitor's memory beside the guest's: private pages, or pages of files that nobody else maps. */
  mib(when: "first" | "last", what: "private" | "files"): number {
    return this.#number(`${when}.${what}`) / 1024;
  }
}
