/** Flags of open(2) and pipe2(2) that node:fs does not name (asm-generic/fcntl.h). */
export const O_CLOEXEC = 0o2000000;
export const O_NONBLOCK = 0o4000;
