/** Signals (asm-generic/signal.h, asm/signal.h). */
export const SIGHUP = 1;
export const SIGKILL = 9;
export const SIGTERM = 15;
export const SIG_UNBLOCK = 1;
/** What a violation of a filter of system calls is answered with. */
export const SIGSYS = 31;
/** The first real-time signal as the kernel counts; C libraries keep the first two or three for themselves. */
export const SIGRTMIN = 32;
