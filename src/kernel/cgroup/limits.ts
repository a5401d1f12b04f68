/**
 * The limits of a control group as data. Amounts are what the kernel's files take; nothing here touches a file. What is
 * undefined was not asked for, or, in what is read back, is not limited or not known to this kernel.
 */

/** Controllers that auraed knows (Documentation/admin-guide/cgroup-v2.rst). */
export const CONTROLLERS = ["cpu", "cpuset", "io", "memory", "hugetlb", "pids"] as const;
export type Controller = (typeof CONTROLLERS)[number];

export interface CpuLimits {
  /** 1 to 10000. While the group is idle it is remembered, and not in force. */
  readonly weight?: bigint | undefined;
  /** Microseconds in each period; 0 for no limit. */
  readonly max?: bigint | undefined;
  /** Microseconds, 1000 to 1000000. */
  readonly period?: bigint | undefined;
  /** Whether it only gets time that nobody else wants (SCHED_IDLE; Linux 5.15). */
  readonly idle?: boolean | undefined;
  /** Microseconds of unused time that may be used on top, at most `max` (Linux 5.14). */
  readonly burst?: bigint | undefined;
}

export interface CpusetLimits {
  /** A list as the kernel writes it, `0-3,6`; empty for the parent's. */
  readonly cpus?: string | undefined;
  readonly mems?: string | undefined;
}

/** Bytes; 0 for none. */
export interface MemoryLimits {
  readonly min?: bigint | undefined;
  readonly low?: bigint | undefined;
  readonly high?: bigint | undefined;
  readonly max?: bigint | undefined;
  /** Here 0 is a limit: no swap space at all. */
  readonly swapMax?: bigint | undefined;
  /** Whether all processes are killed where one is for want of memory. */
  readonly oomGroup?: boolean | undefined;
}

export interface PidsLimits {
  /** Processes and threads; 0 for no limit. */
  readonly max?: bigint | undefined;
}

/** The bounds of one block device in a second; undefined for none. */
export interface IoDeviceLimits {
  /** `MAJOR:MINOR`, or the path of its file, `/dev/vda`. */
  readonly device: string;
  readonly readBytes?: bigint | undefined;
  readonly writeBytes?: bigint | undefined;
  readonly readOperations?: bigint | undefined;
  readonly writeOperations?: bigint | undefined;
}

export interface IoLimits {
  /** 1 to 10000 */
  readonly weight?: bigint | undefined;
  readonly devices?: readonly IoDeviceLimits[] | undefined;
}

export interface HugetlbLimits {
  /** Bytes by page size, as the kernel writes it: `2MB`. Here 0 is a limit: no such page at all. */
  readonly max?: Readonly<Record<string, bigint>> | undefined;
}

export interface CgroupLimits {
  readonly cpu?: CpuLimits | undefined;
  readonly cpuset?: CpusetLimits | undefined;
  readonly memory?: MemoryLimits | undefined;
  readonly pids?: PidsLimits | undefined;
  readonly io?: IoLimits | undefined;
  readonly hugetlb?: HugetlbLimits | undefined;
}

/** One write to a file of a control group, and the limit's field, for messages. */
export interface LimitWrite {
  readonly controller: Controller;
  readonly file: string;
  /** What to write; never empty, because the kernel does not notice an empty write. */
  readonly value: string;
  /** The dotted path of the limit, `memory.max`. */
  readonly field: string;
  /** Whether a new group has it anyway. */
  readonly isInitial?: boolean;
  /** With a file that has a line for each: which one, `254:0`. */
  readonly device?: string;
  /** Another file that the kernel sets back on this write. */
  readonly resets?: string;
}

/** Reads a file of one control group; undefined when the kernel has no such file there. */
export type ReadFile = (file: string) => string | undefined;
