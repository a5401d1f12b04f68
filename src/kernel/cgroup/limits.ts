/** The limits of a control group as data. Amounts are what the kernel's files take; nothing here touches a file. */

/** Controllers that auraed knows (Documentation/admin-guide/cgroup-v2.rst). */
export const CONTROLLERS = ["cpu", "cpuset", "io", "memory", "hugetlb", "pids"] as const;
export type Controller = (typeof CONTROLLERS)[number];

export interface CpuLimits {
  /** 1 to 10000 */
  readonly weight?: bigint | undefined;
  /** Microseconds in each period; 0 for no limit. */
  readonly max?: bigint | undefined;
  /** Microseconds, 1000 to 1000000. */
  readonly period?: bigint | undefined;
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
}

export interface CgroupLimits {
  readonly cpu?: CpuLimits | undefined;
  readonly cpuset?: CpusetLimits | undefined;
  readonly memory?: MemoryLimits | undefined;
}

/** One file of a control group, what to write to it, and the limit's field, for messages. */
export interface LimitWrite {
  readonly controller: Controller;
  readonly file: string;
  readonly value: string;
  /** The dotted path of the limit, `memory.max`. */
  readonly field: string;
}
