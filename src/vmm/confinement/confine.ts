/**
 * Confines the monitor's process and its threads, for good: from then on a thread makes the system calls of its list. All
 * that is to be loaded and opened has to be before that.
 *
 * The order: every thread is up, has loaded what it needs ({@link prepareThread}) and waits; the main thread calls {@link confineProcess}, which
 * puts the list of all kinds together on every thread there is, the runtime's own among them; then each thread calls
 * {@link confineThread}, which leaves it with its own.
 */
import {
  type AllowedCall,
  type Allowlist,
  type ArgumentCheck,
  allowlistFilter,
} from "../../kernel/process/seccomp-allowlist.ts";
import { installFilter, reportViolations } from "../../kernel/process/seccomp.ts";
import { PR_SET_NO_NEW_PRIVS } from "../../kernel/abi/prctl.ts";
import { library } from "../../kernel/sys/library.ts";
import { syscall } from "../../kernel/sys/syscall.ts";
import { EXIT_CODES, type VmmEvent, vmmPacket } from "../protocol/messages.ts";
import {
  NARROWING,
  OWN,
  REFUSED,
  RUNTIME,
  THREAD_KINDS,
  type ThreadKind,
} from "./syscall-lists.ts";

/** Stands for the system call's number. */
const MARK = 123_456_789;

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

/** What {@link prepareThread} and {@link makeMainFilters} have made; a thread has modules of its own. */
const prepared = new Map<ThreadKind, Uint8Array>();
let mainFilters: MainFilters | undefined;

function filterOf(kind: ThreadKind): Uint8Array {
  return allowlistFilter(allowlistOf(kind));
}

/**
 * For each thread, before {@link confineProcess}: loads the library that its system calls go through, and makes its filter,
 * which takes milliseconds that a thread has while it waits for its work. Called again, it does nothing.
 */
export function prepareThread(kind: ThreadKind): void {
  if (!prepared.has(kind)) {
    library();
    prepared.set(kind, filterOf(kind));
  }
}

/** The filters that the main thread needs, as base64. */
export interface MainFilters {
  readonly process: string;
  readonly main: string;
}

/** For a thread that has time, since the main thread has none: on it the machine's start waits. They are made once. */
export function makeMainFilters(): MainFilters {
  mainFilters ??= {
    process: allowlistFilter(baseAllowlist()).toBase64(),
    main: filterOf("main").toBase64(),
  };
  return mainFilters;
}

/**
 * For the main thread, once all others are up: puts the base list on all of them.
 * @param controlFd where the daemon is told which system call a violation was
 * @param filters of {@link makeMainFilters}
 * @throws {SyscallError} where a thread is confined already
 */
export function confineProcess(controlFd: number, filters: MainFilters): void {
  const message = `its monitor made system call ${MARK}, which is on none of its lists`;
  const event: VmmEvent = { event: "ended", end: { kind: "failed", message } };
  const [before = "", after = ""] = Buffer.from(vmmPacket(event)).toString().split(String(MARK));
  syscall("prctl", "no_new_privs", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  reportViolations({ fd: controlFd, before, after, exitCode: EXIT_CODES.failed });
  prepared.set("main", Uint8Array.fromBase64(filters.main));
  installFilter(Uint8Array.fromBase64(filters.process), true);
}

/** For each thread, after {@link confineProcess}: puts its own list on it. @throws {SyscallError} */
export function confineThread(kind: ThreadKind): void {
  installFilter(prepared.get(kind) ?? filterOf(kind), false);
}
