/**
 * Flags of open(2), pipe2(2), lseek(2) and splice(2) that node:fs does not name, and commands of fcntl(2)
 * (asm-generic/fcntl.h, linux/fcntl.h, linux/fs.h, linux/splice.h).
 */
import { layout } from "./layout.ts";

export const O_RDONLY = 0;
export const O_RDWR = 2;
export const O_NOCTTY = 0o400;
export const O_NONBLOCK = 0o4000;
/** Have a signal, SIGIO, sent when the descriptor becomes readable. */
export const O_ASYNC = 0o20000;
export const O_CLOEXEC = 0o2000000;

export const AT_FDCWD = -100;

export const F_DUPFD_CLOEXEC = 1030;
export const F_GETFL = 3;
export const F_SETFL = 4;
/** Who gets SIGIO. */
export const F_SETOWN = 8;
export const F_OFD_SETLK = 37;
export const F_RDLCK = 0;
export const F_WRLCK = 1;
export const F_ADD_SEALS = 1033;
export const F_SEAL_SEAL = 1;
export const F_SEAL_SHRINK = 2;
export const F_SEAL_GROW = 4;
export const F_SEAL_WRITE = 8;

export const SEEK_END = 2;

export const SPLICE_F_MOVE = 1;
export const SPLICE_F_NONBLOCK = 2;

/** `struct flock` */
export const FLOCK = layout({
  l_type: "u16",
  l_whence: "u16",
  l_start: "i64",
  l_len: "i64",
  l_pid: "i32",
});
