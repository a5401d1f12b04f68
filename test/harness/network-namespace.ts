/**
 * A network of a test's own: the thread that runs the test is in a new network namespace until it is disposed. Nothing
 * that other threads do (fetch, DNS) is in there, and nothing may be awaited meanwhile that belongs to the old one.
 */
import { closeSync, openSync } from "node:fs";
import { dlopen } from "bun:ffi";
import { messageOf } from "../../src/base/errors.ts";
import { CLONE_NEWNET } from "../../src/kernel/abi/sched.ts";
import { openTap } from "../../src/kernel/net/tap.ts";

const { symbols: libc } = dlopen("libc.so.6", {
  unshare: { args: ["int"], returns: "int" },
  setns: { args: ["int", "int"], returns: "int" },
});

export class NetworkNamespace implements Disposable {
  readonly #former = openSync("/proc/thread-self/ns/net", "r");

  /** @throws {Error} without CAP_SYS_ADMIN */
  constructor() {
    if (libc.unshare(CLONE_NEWNET) !== 0) {
      closeSync(this.#former);
      throw new Error("unshare: no network namespace to be had");
    }
  }

  [Symbol.dispose](): void {
    if (libc.setns(this.#former, CLONE_NEWNET) !== 0) {
      // Whatever runs next would be in the wrong network.
      throw new Error("setns: the way back to the host's network failed");
    }
    closeSync(this.#former);
  }
}

/** Why no TAP devices can be had in a network namespace here; undefined where they can. */
export function missingForTaps(): string | undefined {
  try {
    using _ = new NetworkNamespace();
    openTap("probe")[Symbol.dispose]();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
