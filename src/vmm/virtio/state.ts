/**
 * What a snapshot keeps of a device, as plain data: objects, numbers, strings and lists of them. It comes back from a
 * file, so every value is looked at before it is believed.
 */

import { quoted } from "../protocol/fields.ts";

export type StateValue = number | string | boolean | readonly StateValue[] | PlainState;

export interface PlainState {
  readonly [field: string]: StateValue;
}

/** State with the version of its form: another version is refused, and not guessed at. */
export interface VersionedState extends PlainState {
  readonly version: number;
}

/** A snapshot's state that this build can't take up. */
export class StateError extends Error {
  override readonly name = "StateError";
}

/** Reads the fields of a state of one version. */
export class StateReader {
  readonly #what: string;
  readonly #state: PlainState;

  /** @throws {StateError} unless it is of that version */
  constructor(what: string, state: unknown, version: number) {
    if (typeof state !== "object" || state === null || Array.isArray(state)) {
      throw new StateError(`the snapshot has no state of ${what}`);
    }
    this.#what = what;
    this.#state = state as PlainState;
    if (this.#state.version !== version) {
      throw new StateError(
        `the snapshot's ${what} has version ${quoted(this.#state.version)}, and this build reads ${version}`,
      );
    }
  }

  #wrong(field: string): StateError {
    return new StateError(`the snapshot's ${what(this.#what, field)} is not what it can be`);
  }

  /** A whole number from 0 to `max`. @throws {StateError} as all below */
  number(field: string, max: number): number {
    const value = this.#state[field];
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0 || value > max) {
      throw this.#wrong(field);
    }
    return value;
  }

  boolean(field: string): boolean {
    const value = this.#state[field];
    if (typeof value !== "boolean") {
      throw this.#wrong(field);
    }
    return value;
  }

  /** A number of up to 64 bits, which states keep as text. */
  bigint(field: string): bigint {
    const value = this.#state[field];
    if (typeof value !== "string" || !/^0x[0-9a-f]{1,16}$/.test(value)) {
      throw this.#wrong(field);
    }
    return BigInt(value);
  }

  /** A list of at most so many values, whatever they are. */
  list(field: string, maxLength: number): readonly StateValue[] {
    const value = this.#state[field];
    if (!Array.isArray(value) || value.length > maxLength) {
      throw this.#wrong(field);
    }
    return value;
  }

  /** What has to be as it was, since it is part of the set-up. */
  exactly(field: string, value: number | string): void {
    const saved = this.#state[field];
    if (saved !== value) {
      throw new StateError(
        `the snapshot's ${what(this.#what, field)} is ${quoted(saved)}, and here it is ${quoted(value)}`,
      );
    }
  }

  /** Another state within this one. */
  inner(field: string): StateValue | undefined {
    return this.#state[field];
  }
}

function what(name: string, field: string): string {
  return `"${field}" of ${name}`;
}

/** A number of up to 64 bits as states keep it. */
export function bigintText(value: bigint): string {
  return `0x${value.toString(16)}`;
}
