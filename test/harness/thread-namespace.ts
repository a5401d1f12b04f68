/**
 * A namespace of a test's own: the thread that runs the test is in a new one until it is disposed. Other threads that
 * are there by then stay where they were.
 */
import { closeSync, openSync } from "node:fs";
import { dlopen } from "bun:ffi";
import { CLONE_FS, CLONE_NEWNET, CLONE_NEWNS } from "../../src/kernel/abi/sched.ts";

const { symbols: libc } = dlopen("libc.so.6", {
  unshare: { args: ["int"], returns: "int" },
  setns: { args: ["int", "int"], returns: "int" },
});

/** By their names in /proc/thread-self/ns. */
const BITS = { mnt: CLONE_NEWNS, net: CLONE_NEWNET } as const;

export class ThreadNamespace implements Disposable {
  readonly #kind: keyof typeof BITS;
  readonly #former: number;

  /** @throws {Error} without CAP_SYS_ADMIN */
  constructor(kind: keyof typeof BITS) {
    this.#kind = kind;
    this.#former = openSync(`/proc/thread-self/ns/${kind}`, "r");
    if (libc.unshare(BITS[kind]) !== 0) {
      closeSync(this.#former);
      throw new Error(`unshare: no ${kind} namespace to be had`);
    }
  }

  [Symbol.dispose](): void {
    // Threads that this one has started since share its root and working directory, which setns(2) does not allow.
    if (libc.unshare(CLONE_FS) !== 0 || libc.setns(this.#former, BITS[this.#kind]) !== 0) {
      // Whatever runs next would be in the wrong one.
      throw new Error(`setns: the way back to the host's ${this.#kind} namespace failed`);
    }
    closeSync(this.#former);
  }
}
