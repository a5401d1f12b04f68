/** What this host offers to tests of the real kernel. A test that needs more is skipped and says what is missing. */
import { messageOf } from "../../src/base/errors.ts";
import { findCgroup2 } from "../../src/kernel/cgroup/mount-point.ts";
import { Kvm } from "../../src/kernel/kvm/kvm.ts";

/** Why groups can't be made here; undefined where they can. */
export function missingForCgroups(): string | undefined {
  if (process.getuid?.() !== 0) {
    return "not root";
  }
  try {
    findCgroup2();
    return undefined;
  } catch {
    return "no cgroup2 mount";
  }
}

/** Why there are no virtual machines here; undefined where there are. */
export function missingForKvm(): string | undefined {
  try {
    Kvm.open()[Symbol.dispose]();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
