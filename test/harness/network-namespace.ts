/**
 * A network of a test's own. Nothing that other threads do (fetch, DNS) is in there, and nothing may be awaited meanwhile
 * that belongs to the old one.
 */
import { messageOf } from "../../src/base/errors.ts";
import { openTap } from "../../src/kernel/net/tap.ts";
import { ThreadNamespace } from "./thread-namespace.ts";

export class NetworkNamespace extends ThreadNamespace {
  /** @throws {Error} without CAP_SYS_ADMIN */
  constructor() {
    super("net");
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
