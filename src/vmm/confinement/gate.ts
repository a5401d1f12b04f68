/**
 * Where a thread waits until the process is confined, to get its own list then: it may not have it before, and may not
 * run the guest without.
 */
import { confineThread } from "./confine.ts";
import type { ThreadKind } from "./syscall-lists.ts";

const CLOSED = 0;
const OPEN = 1;
const GIVEN_UP = 2;

export class ConfinementGate {
  readonly #word: Int32Array;

  /** @param memory of another thread's gate, for both to be the same */
  constructor(memory?: SharedArrayBuffer) {
    this.#word = new Int32Array(memory ?? new SharedArrayBuffer(4));
  }

  get memory(): SharedArrayBuffer {
    return this.#word.buffer as SharedArrayBuffer;
  }

  #set(state: number): void {
    Atomics.compareExchange(this.#word, 0, CLOSED, state);
    Atomics.notify(this.#word, 0);
  }

  /** The process is confined. */
  open(): void {
    this.#set(OPEN);
  }

  /** It never will be: nothing is to run. Not after {@link open}. */
  giveUp(): void {
    this.#set(GIVEN_UP);
  }

  /** For the thread: waits, and confines it. @returns whether it is to go on @throws {SyscallError} */
  pass(kind: ThreadKind): boolean {
    Atomics.wait(this.#word, 0, CLOSED);
    if (Atomics.load(this.#word, 0) !== OPEN) {
      return false;
    }
    confineThread(kind);
    return true;
  }
}
