/** What the kernel tells of a process by its pidfd (linux/pidfd.h, Linux 6.13; the exit since 6.15). */
import { layout } from "./layout.ts";

export const PIDFD_GET_INFO = 0xc040_ff0b;
export const PIDFD_INFO_EXIT = 1 << 3;

/** The first version of `struct pidfd_info`, of 64 bytes. */
export const PIDFD_INFO = layout({
  mask: "u64",
  cgroupid: "u64",
  pid: "u32",
  tgid: "u32",
  ppid: "u32",
  ruid: "u32",
  rgid: "u32",
  euid: "u32",
  egid: "u32",
  suid: "u32",
  sgid: "u32",
  fsuid: "u32",
  fsgid: "u32",
  exit_code: "i32",
});
