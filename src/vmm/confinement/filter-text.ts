/**
 * A macro of Bun's: it runs when the executable is built, or a test is loaded, and its answer stands where it is called. The
 * filters are the same for every machine, and to make them takes four milliseconds each, which were most of what a
 * thread's start cost.
 */
import { allowlistFilter } from "../../kernel/process/seccomp-allowlist.ts";
import { allowlistOf, baseAllowlist } from "./allowlists.ts";
import type { ThreadKind } from "./syscall-lists.ts";

/** @returns `struct sock_filter[]` as base64: of one kind of thread, or of all that any of them may do */
export function filterText(kind: ThreadKind | "process"): string {
  return allowlistFilter(kind === "process" ? baseAllowlist() : allowlistOf(kind)).toBase64();
}
