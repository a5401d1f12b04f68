/** What a filter of system calls gets and answers with (linux/seccomp.h). */
import { layout } from "./layout.ts";

export const SECCOMP_RET_ALLOW = 0x7fff_0000;
export const SECCOMP_RET_ERRNO = 0x0005_0000;
export const SECCOMP_RET_KILL_PROCESS = 0x8000_0000;

/** `struct seccomp_data`; a filter loads 32 bits at a time, the lower half of an argument first. */
export const SECCOMP_DATA = layout({
  nr: "i32",
  arch: "u32",
  instruction_pointer: "u64",
  args: "u64",
  pad1: "u64",
  pad2: "u64",
  pad3: "u64",
  pad4: "u64",
  pad5: "u64",
});

export const SECCOMP_RET_TRAP = 0x0003_0000;
export const SECCOMP_SET_MODE_FILTER = 1;
export const SECCOMP_FILTER_FLAG_TSYNC = 1;
