/** What /proc tells of a process that a test watches. */
import { readFileSync } from "node:fs";

/** Whether it runs: one that has ended and was not reaped does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false; // ENOENT, ESRCH: it is gone
  }
}

/** The processes that its first thread has made and not reaped. */
export function childrenOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
}
