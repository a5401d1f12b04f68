/** The lists of `syscall-lists.ts`, put together: what one kind of thread may do, and what any of them may. */
import type {
  AllowedCall,
  Allowlist,
  ArgumentCheck,
} from "../../kernel/process/seccomp-allowlist.ts";
import {
  NARROWING,
  OWN,
  REFUSED,
  RUNTIME,
  THREAD_KINDS,
  type ThreadKind,
} from "./syscall-lists.ts";

function union(a: ArgumentCheck, b: ArgumentCheck): ArgumentCheck {
  if (a.argument !== b.argument || a.mask !== b.mask) {
    throw new RangeError("two lists check different arguments of one system call");
  }
  return { ...a, values: [...new Set([...a.values, ...b.values])] };
}

/** What any of the lists allows. */
export function joined(lists: readonly (readonly AllowedCall[])[]): AllowedCall[] {
  const all = new Map<AllowedCall["name"], AllowedCall>();
  for (const call of lists.flat()) {
    const before = all.get(call.name);
    const check =
      before === undefined
        ? call.check
        : before.check && call.check && union(before.check, call.check);
    all.set(call.name, { name: call.name, ...(check === undefined ? {} : { check }) });
  }
  return [...all.values()];
}

/** The list of one kind of thread. */
export function allowlistOf(kind: ThreadKind): Allowlist {
  return { allowed: joined([RUNTIME, OWN[kind]]), refused: REFUSED };
}

/** The list that holds for every thread: what any kind may do. */
export function baseAllowlist(): Allowlist {
  // Values are compared in this order, and nothing is called as often as KVM_RUN.
  const own = THREAD_KINDS.toReversed().map((kind) => OWN[kind]);
  return { allowed: joined([RUNTIME, NARROWING, ...own]), refused: REFUSED };
}
