/** Resource limits by the names that people use for them: RLIMIT_NOFILE is `nofile` (getrlimit(2)). */
import {
  RLIMIT_AS,
  RLIMIT_CORE,
  RLIMIT_CPU,
  RLIMIT_DATA,
  RLIMIT_FSIZE,
  RLIMIT_LOCKS,
  RLIMIT_MEMLOCK,
  RLIMIT_MSGQUEUE,
  RLIMIT_NICE,
  RLIMIT_NOFILE,
  RLIMIT_NPROC,
  RLIMIT_RSS,
  RLIMIT_RTPRIO,
  RLIMIT_RTTIME,
  RLIMIT_SIGPENDING,
  RLIMIT_STACK,
} from "../abi/resource.ts";

export const RESOURCE_LIMITS = {
  as: RLIMIT_AS,
  core: RLIMIT_CORE,
  cpu: RLIMIT_CPU,
  data: RLIMIT_DATA,
  fsize: RLIMIT_FSIZE,
  locks: RLIMIT_LOCKS,
  memlock: RLIMIT_MEMLOCK,
  msgqueue: RLIMIT_MSGQUEUE,
  nice: RLIMIT_NICE,
  nofile: RLIMIT_NOFILE,
  nproc: RLIMIT_NPROC,
  rss: RLIMIT_RSS,
  rtprio: RLIMIT_RTPRIO,
  rttime: RLIMIT_RTTIME,
  sigpending: RLIMIT_SIGPENDING,
  stack: RLIMIT_STACK,
} as const satisfies Readonly<Record<string, number>>;

export type ResourceLimitName = keyof typeof RESOURCE_LIMITS;

/** The names, in the order in which to list them for people. */
export const RESOURCE_LIMIT_NAMES = Object.keys(RESOURCE_LIMITS) as readonly ResourceLimitName[];

/** The number of a limit: `nofile`, `NOFILE` or `RLIMIT_NOFILE`. Undefined for a name that there is not. */
export function resourceLimitNumber(name: string): number | undefined {
  const short = name.toLowerCase().replace(/^rlimit_/, "");
  return Object.hasOwn(RESOURCE_LIMITS, short)
    ? RESOURCE_LIMITS[short as ResourceLimitName]
    : undefined;
}
