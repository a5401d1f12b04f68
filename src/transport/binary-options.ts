/**
 * How binary messages are read: unknown fields are kept, so that the validation can refuse them, and counted, since each
 * takes 150 bytes of memory where it took two on the wire. protobuf-es has no bound of its own for that. It does ask for
 * the limit of recursion at every message and before it keeps a field, so that is asked for by something that counts.
 */

/** protobuf-es's own default. */
const RECURSION_LIMIT = 100;

class CountingLimit {
  readonly #max: number;
  #asked = 0;

  constructor(max: number) {
    this.#max = max;
  }

  valueOf(): number {
    this.#asked += 1;
    if (this.#asked > this.#max) {
      throw new Error(`it has more than ${this.#max} nested messages and unknown fields`);
    }
    return RECURSION_LIMIT;
  }
}

/** Options for one binary message after another: protobuf-es copies them, and by that begins a new count, for each. */
export function binaryOptions(maxParts: number): {
  readonly readUnknownFields: boolean;
  readonly recursionLimit: number;
} {
  return {
    readUnknownFields: true,
    get recursionLimit() {
      return new CountingLimit(maxParts) as unknown as number;
    },
  };
}
