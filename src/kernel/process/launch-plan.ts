/** The launch plan as `ffi/launch_plan.h` lays it out, packed from a description in JavaScript values. */
import { layout } from "../abi/layout.ts";
import { addressOf } from "../sys/memory.ts";
import { cString } from "../sys/syscall.ts";

/** `struct au_launch_plan` */
export const LAUNCH_PLAN = layout({
  paths: "u64",
  argv: "u64",
  envp: "u64",
  cwd: "u64",
  namespaces: "u64",
  rlimits: "u64",
  rlimit_count: "u32",
  flags: "u32",
  uid: "u32",
  gid: "u32",
  cgroup: "i32",
  stdin: "i32",
  stdout: "i32",
  stderr: "i32",
});

/** `struct au_launch_result` */
export const LAUNCH_RESULT = layout({ pid: "i32", pidfd: "i32", step: "i32", error: "i32" });

/** `struct au_rlimit` */
export const RLIMIT = layout({ resource: "u64", soft: "u64", hard: "u64" });

/** `enum au_launch_step`, by number, in words. */
export const LAUNCH_STEPS = [
  "none",
  "map a stack for",
  "clone3",
  "reset signals of",
  "setsid",
  "set standard streams of",
  "close_range",
  "chdir",
  "prlimit",
  "setgroups",
  "setresgid",
  "setresuid",
  "prctl",
  "exec",
] as const;

/** `enum au_launch_flag` */
export const LAUNCH_FLAGS = { SET_UID: 1, SET_GID: 2, NO_NEW_PRIVS: 4 } as const;

export interface ResourceLimit {
  /** RLIMIT_* (getrlimit(2)) */
  readonly resource: number;
  readonly soft: bigint;
  readonly hard: bigint;
}

/** What to run and how. */
export interface LaunchPlan {
  /** Absolute paths, tried in order until one is there. */
  readonly paths: readonly string[];
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** The control group to be born in. Left out: the daemon's own. */
  readonly cgroupFd?: number;
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly noNewPrivileges: boolean;
  readonly resourceLimits: readonly ResourceLimit[];
}

/** A packed plan: the structure, and all memory it points to, which has to live as long as it. */
export interface PackedPlan {
  readonly plan: Uint8Array;
  readonly memory: readonly Uint8Array[];
}

/** @throws {RangeError} for a NUL character in a string */
export function packLaunchPlan(plan: LaunchPlan): PackedPlan {
  const memory: Uint8Array[] = [];
  const keep = <T extends Uint8Array>(bytes: T): T => {
    memory.push(bytes);
    return bytes;
  };
  const pointers = (strings: readonly string[]): number => {
    const array = new BigUint64Array(strings.length + 1);
    strings.forEach((text, i) => {
      array[i] = BigInt(addressOf(keep(cString(text))));
    });
    return addressOf(keep(new Uint8Array(array.buffer)));
  };
  const limits = keep(new Uint8Array(Math.max(1, plan.resourceLimits.length) * RLIMIT.size));
  plan.resourceLimits.forEach((limit, i) => {
    RLIMIT.write(new DataView(limits.buffer, i * RLIMIT.size), { ...limit });
  });
  const packed = new Uint8Array(LAUNCH_PLAN.size);
  LAUNCH_PLAN.write(new DataView(packed.buffer), {
    paths: pointers(plan.paths),
    argv: pointers(plan.argv),
    envp: pointers(Object.entries(plan.env).map(([name, value]) => `${name}=${value}`)),
    cwd: addressOf(keep(cString(plan.cwd))),
    rlimits: addressOf(limits),
    rlimit_count: plan.resourceLimits.length,
    flags:
      (plan.uid === undefined ? 0 : LAUNCH_FLAGS.SET_UID) |
      (plan.gid === undefined ? 0 : LAUNCH_FLAGS.SET_GID) |
      (plan.noNewPrivileges ? LAUNCH_FLAGS.NO_NEW_PRIVS : 0),
    uid: plan.uid ?? 0,
    gid: plan.gid ?? 0,
    cgroup: plan.cgroupFd ?? -1,
    stdin: plan.stdin,
    stdout: plan.stdout,
    stderr: plan.stderr,
  });
  return { plan: packed, memory };
}
