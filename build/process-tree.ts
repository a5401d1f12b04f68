/** The processes that a process started, and those that they started, by /proc. */
import { readdirSync, readFileSync } from "node:fs";

/** The parent of a process; none once it is gone. */
function parentOf(pid: number): number | undefined {
  try {
    // proc_pid_stat(5): the name, in parentheses, may hold anything; state and parent follow its last one.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    // ENOENT, ESRCH: it ended meanwhile.
    return undefined;
  }
}

/** All processes below this one, without itself. */
export function descendantsOf(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const pid of readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)) {
    const parent = parentOf(pid) ?? 0;
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found: number[] = [];
  const open = [root];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    const below = children.get(pid) ?? [];
    found.push(...below);
    open.push(...below);
  }
  return found;
}

/** Ends a process and everything below it, at once. */
export function killTree(root: number): void {
  for (const pid of [root, ...descendantsOf(root)]) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // ESRCH: it ended meanwhile.
    }
  }
}
