/** RLIMIT_* (asm-generic/resource.h). */
export const RLIMIT_NOFILE = 7;
