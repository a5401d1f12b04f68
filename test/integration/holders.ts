/** The first processes of namespaces, among this process's children. */
import { readFileSync } from "node:fs";

const COMM = "aurae-cell\n";

function commOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8");
  } catch {
    return undefined; // ENOENT: it has ended, and was reaped
  }
}

/** Those that run their program. */
export function holders(): number[] {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8");
  return children
    .split(" ")
    .filter(Boolean)
    .map(Number)
    .filter((pid) => commOf(pid) === COMM);
}
