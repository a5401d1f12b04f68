/** What this host offers to tests of the real kernel. A test that needs more is skipped and says what is missing. */
import { findCgroup2 } from "../../src/kernel/cgroup/mount-point.ts";

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
