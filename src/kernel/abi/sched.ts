/** Of linux/sched.h and linux/sched/types.h: what a new process shares, and how it is scheduled. */
import { layout } from "./layout.ts";

/** Flags of clone3(2), setns(2) and unshare(2). */
export const CLONE_FS = 0x0000_0200;
export const CLONE_NEWNS = 0x0002_0000;
export const CLONE_NEWCGROUP = 0x0200_0000;
export const CLONE_NEWUTS = 0x0400_0000;
export const CLONE_NEWIPC = 0x0800_0000;
export const CLONE_NEWUSER = 0x1000_0000;
export const CLONE_NEWPID = 0x2000_0000;
export const CLONE_NEWNET = 0x4000_0000;
/** A further thread of the same process, and not another one. */
export const CLONE_THREAD = 0x0001_0000;
/** All kinds of namespaces that a new process can be given, but for its own time. */
export const NEW_NAMESPACES =
  CLONE_NEWNS |
  CLONE_NEWCGROUP |
  CLONE_NEWUTS |
  CLONE_NEWIPC |
  CLONE_NEWUSER |
  CLONE_NEWPID |
  CLONE_NEWNET;

/** The policy of ordinary processes (sched(7)). */
export const SCHED_OTHER = 0;
/** What a process gives birth to, threads too, has none of its negative nice value. */
export const SCHED_FLAG_RESET_ON_FORK = 1;
/** `struct sched_attr` of sched_setattr(2). */
export const SCHED_ATTR = layout({
  size: "u32",
  sched_policy: "u32",
  sched_flags: "u64",
  sched_nice: "i32",
  sched_priority: "u32",
  sched_runtime: "u64",
  sched_deadline: "u64",
  sched_period: "u64",
  sched_util_min: "u32",
  sched_util_max: "u32",
});
