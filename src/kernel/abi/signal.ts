/** Signals between threads (asm-generic/signal.h, asm/signal.h). */
export const SIG_UNBLOCK = 1;
/** What a violation of a filter of system calls is answered with. */
export const SIGSYS = 31;
/** The first real-time signal as the kernel counts; C libraries keep the first two or three for themselves. */
export const SIGRTMIN = 32;
