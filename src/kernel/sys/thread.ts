/**
 * Threads of this process as the kernel knows them, and the signal that gets one out of a system call that waits. The
 * signal only interrupts: what it is about has to stand in memory before it is sent, where its thread looks afterwards.
 */
import { ERRNO } from "../abi/errno.ts";
import { SIG_UNBLOCK, SIGRTMIN } from "../abi/signal.ts";
import { SyscallError } from "./error.ts";
import { library } from "./library.ts";
import { syscall, syscallRaw } from "./syscall.ts";

/** A real-time signal that neither Bun nor a C library uses. */
export const KICK_SIGNAL = SIGRTMIN + 10;

/**
 * Makes {@link kickThread} work for the calling thread: the signal has its handler, and is not blocked here.
 * @returns the thread's id
 * @throws {SyscallError}
 */
export function receiveKicks(): number {
  // SAFETY: the handler is a function of the library, which stays loaded as long as the process lives; it touches nothing.
  const result = Number(library().au_kick_handler(KICK_SIGNAL));
  if (result < 0) {
    throw new SyscallError("rt_sigaction", -result, `signal ${KICK_SIGNAL}`);
  }
  const signals = new BigUint64Array([1n << BigInt(KICK_SIGNAL - 1)]);
  syscall("rt_sigprocmask", "", SIG_UNBLOCK, signals, null, signals.byteLength);
  return syscall("gettid", "");
}

/** Interrupts the system call that a thread of this process is in. A thread that has ended is none. @throws {SyscallError} */
export function kickThread(thread: number): void {
  const result = syscallRaw("tgkill", process.pid, thread, KICK_SIGNAL);
  if (result < 0 && result !== -ERRNO.ESRCH) {
    throw new SyscallError("tgkill", -result, `thread ${thread}`);
  }
}
