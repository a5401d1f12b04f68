/** RLIMIT_* (asm-generic/resource.h), and what waitid(2) fills of `struct rusage` (linux/resource.h). */
import { layout } from "./layout.ts";

export const RLIMIT_CPU = 0;
export const RLIMIT_FSIZE = 1;
export const RLIMIT_DATA = 2;
export const RLIMIT_STACK = 3;
export const RLIMIT_CORE = 4;
export const RLIMIT_RSS = 5;
export const RLIMIT_NPROC = 6;
export const RLIMIT_NOFILE = 7;
export const RLIMIT_MEMLOCK = 8;
export const RLIMIT_AS = 9;
export const RLIMIT_LOCKS = 10;
export const RLIMIT_SIGPENDING = 11;
export const RLIMIT_MSGQUEUE = 12;
export const RLIMIT_NICE = 13;
export const RLIMIT_RTPRIO = 14;
export const RLIMIT_RTTIME = 15;

export const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;

/** The bytes that the kernel writes of a `struct rusage`. */
export const RUSAGE_BYTES = 144;

/** The head of `struct rusage`; `ru_maxrss` is in KiB. */
export const RUSAGE = layout({
  utime_sec: "i64",
  utime_usec: "i64",
  stime_sec: "i64",
  stime_usec: "i64",
  ru_maxrss: "i64",
});
