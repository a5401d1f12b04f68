/** The first processes of namespaces, among this process's children. */
import { readFileSync } from "node:fs";
import { childrenOf } from "../harness/process-state.ts";

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
  return childrenOf(process.pid)
    .map(Number)
    .filter((pid) => commOf(pid) === COMM);
}
