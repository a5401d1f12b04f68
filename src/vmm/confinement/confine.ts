/**
 * Confines the monitor's process and its threads, for good: from then on a thread makes the system calls of its list. All
 * that is to be loaded and opened has to be before that.
 *
 * The order: every thread is up, has loaded what it needs ({@link prepareThread}) and waits; the main thread calls {@link confineProcess}, which
 * puts the list of all kinds together on every thread there is, the runtime's own among them; then each thread calls
 * {@link confineThread}, which leaves it with its own.
 */
import { installFilter, reportViolations } from "../../kernel/process/seccomp.ts";
import { PR_SET_NO_NEW_PRIVS } from "../../kernel/abi/prctl.ts";
import { library } from "../../kernel/sys/library.ts";
import { syscall } from "../../kernel/sys/syscall.ts";
import { EXIT_CODES, type VmmEvent, vmmPacket } from "../protocol/messages.ts";
import { filterText } from "./filter-text.ts" with { type: "macro" };
import type { ThreadKind } from "./syscall-lists.ts";

/** Stands for the system call's number. */
const MARK = 123_456_789;

/** As the build has made them, in base64. */
const FILTERS: Readonly<Record<ThreadKind | "process", string>> = {
  process: filterText("process"),
  main: filterText("main"),
  devices: filterText("devices"),
  disks: filterText("disks"),
  vcpu: filterText("vcpu"),
};

/** For each thread, before {@link confineProcess}: loads what its system calls go through. */
export function prepareThread(): void {
  library();
}

/**
 * For the main thread, once all others are up: puts the base list on all of them.
 * @param controlFd where the daemon is told which system call a violation was
 * @throws {SyscallError} where a thread is confined already
 */
export function confineProcess(controlFd: number): void {
  const message = `its monitor made system call ${MARK}, which is on none of its lists`;
  const event: VmmEvent = { event: "ended", end: { kind: "failed", message } };
  const [before = "", after = ""] = Buffer.from(vmmPacket(event)).toString().split(String(MARK));
  syscall("prctl", "no_new_privs", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  reportViolations({ fd: controlFd, before, after, exitCode: EXIT_CODES.failed });
  installFilter(Uint8Array.fromBase64(FILTERS.process), true);
}

/** For each thread, after {@link confineProcess}: puts its own list on it. @throws {SyscallError} */
export function confineThread(kind: ThreadKind): void {
  installFilter(Uint8Array.fromBase64(FILTERS[kind]), false);
}
