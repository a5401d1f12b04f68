/** The launch plan as `ffi/launch_plan.h` lays it out, packed from a description in JavaScript values. */
import { SOCK_FILTER } from "../abi/filter.ts";
import { layout } from "../abi/layout.ts";
import { CLONE_NEWUTS } from "../abi/sched.ts";
import { PlanMessage } from "./plan-message.ts";

/** `struct au_launch_plan` */
export const LAUNCH_PLAN = layout({
  length: "u64",
  paths: "u64",
  argv: "u64",
  envp: "u64",
  cwd: "u64",
  hostname: "u64",
  namespaces: "u64",
  join: "u64",
  rlimits: "u64",
  groups: "u64",
  capabilities: "u64",
  filter: "u64",
  descriptors: "u64",
  root: "u64",
  hostname_length: "u32",
  rlimit_count: "u32",
  group_count: "u32",
  filter_count: "u32",
  descriptor_count: "u32",
  flags: "u32",
  uid: "u32",
  gid: "u32",
  cgroup: "i32",
  join_pidfd: "i32",
  own_pid_namespace: "i32",
  program: "i32",
  stdin: "i32",
  stdout: "i32",
  stderr: "i32",
  status: "i32",
  number: "u32",
  join_plan: "u32",
});

/** `struct au_launcher` */
export const LAUNCHER = layout({
  reports: "u64",
  pid: "i32",
  pidfd: "i32",
  socket: "i32",
  wake: "i32",
  error: "i32",
  sent: "u32",
  padding: "u32",
});

/** `struct au_launch` */
export const LAUNCH = layout({
  status: "i32",
  reserve: "i32",
  number: "u32",
  was_served: "i32",
  pid: "i32",
  pidfd: "i32",
  namespace_pid: "i32",
  step: "i32",
  error: "i32",
  detail: "i32",
});

/** `struct au_rlimit` */
export const RLIMIT = layout({ resource: "u64", soft: "u64", hard: "u64" });

/** `struct au_descriptor` */
export const DESCRIPTOR = layout({ from: "i32", to: "i32" });

/** `struct au_root_mount` */
export const ROOT_MOUNT = layout({
  source: "u64",
  target: "u64",
  attributes: "u64",
  is_directory: "u64",
});

/** `struct au_root` */
export const ROOT = layout({
  size: "u64",
  directories: "u64",
  mounts: "u64",
  proc: "u64",
  hidden: "u64",
  mount_count: "u64",
});

/** `enum au_launch_flag` */
export const LAUNCH_FLAGS = {
  SET_UID: 1,
  SET_GID: 2,
  SET_GROUPS: 4,
  SET_CAPABILITIES: 8,
  NO_NEW_PRIVS: 16,
  TERMINAL: 32,
  CGROUP_NAMESPACE: 64,
  BLOCK_SIGNALS: 128,
  ENDS_WITH_DAEMON: 256,
} as const;

export const MAX_DESCRIPTORS = 64;
export const MAX_ROOT_MOUNTS = 32;
/** As far as the kernel takes one (BPF_MAXINSNS). */
const MAX_FILTER_LENGTH = 4096;
const FIRST_FREE_DESCRIPTOR = 3;

export interface ResourceLimit {
  /** RLIMIT_* (getrlimit(2)) */
  readonly resource: number;
  readonly soft: bigint;
  readonly hard: bigint;
}

/** Namespaces to be born in, which a process is in. */
export interface NamespacesToJoin {
  /** Its descriptor; has to wait for it while it is on its way. @throws {LaunchError} where it did not come about */
  readonly pidfd: number;
  /** The launch that makes the process. */
  readonly launch?: unknown;
  /** CLONE_NEW* bits */
  readonly namespaces: number;
  /** A descriptor of the daemon's own process id namespace, which its thread goes back to. */
  readonly ownPidNamespace: number;
  /** What the UTS namespace among them is to be called from now on. Left out: as it is. */
  readonly hostname?: string | undefined;
}

/** A file or directory of the daemon's root that is seen in a root of a process's own. */
export interface RootMount {
  readonly source: string;
  /** Without a slash at the start; the directory that it is in is one of {@link RootPlan.directories}. */
  readonly target: string;
  /** MOUNT_ATTR_*: what may not be done there. */
  readonly attributes: number;
  readonly isDirectory: boolean;
}

/** A root directory in place of the daemon's: a tmpfs that is read-only in the end, and mounts in it. */
export interface RootPlan {
  /** The most that the tmpfs takes, as mount(8) has it: `64k`. */
  readonly size: string;
  /** To make, without a slash at the start, and those above others first. */
  readonly directories: readonly string[];
  readonly mounts: readonly RootMount[];
  /** Where it has the processes' part of /proc; left out: nowhere. */
  readonly proc?: string;
  /** Mounts to undo where the daemon's root is the kernel's first one, which can't be put out of the way. */
  readonly hidden: readonly string[];
}

/** What to run and how. */
export interface LaunchPlan {
  /** Absolute paths, tried in order until one is there. */
  readonly paths: readonly string[];
  /** A descriptor of the file to run, in place of the paths. */
  readonly programFd?: number;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** The control group to be born in. Left out: the daemon's own. */
  readonly cgroupFd?: number | undefined;
  /** Whether it gets a cgroup namespace, which begins at its group. */
  readonly cgroupNamespace: boolean;
  readonly join?: NamespacesToJoin | undefined;
  /** CLONE_NEW* bits of namespaces to make, within those that are joined. */
  readonly newNamespaces?: number;
  /** In a new UTS namespace. */
  readonly hostname?: string;
  /** In a new mount namespace. Paths, but for those of its mounts, are paths in it. */
  readonly root?: RootPlan;
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
  /** Whether stdin is a terminal, to be its session's own. */
  readonly terminal?: boolean;
  readonly descriptors?: readonly { readonly from: number; readonly to: number }[];
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Left out with a uid or a gid: none. */
  readonly groups?: readonly number[] | undefined;
  /** Bit N: capability N. */
  readonly capabilities?: bigint | undefined;
  readonly noNewPrivileges: boolean;
  /** `struct sock_filter[]` */
  readonly seccomp?: Uint8Array | undefined;
  readonly resourceLimits: readonly ResourceLimit[];
  /** Execs with every signal blocked; else with none. */
  readonly blockSignals?: boolean;
  /** Whether the kernel ends it with the daemon's thread that started the launcher. Its user has to be the daemon's. */
  readonly endsWithDaemon?: boolean;
}

/** A packed plan. Both views are of memory that the next one is packed into. */
export interface PackedPlan {
  /** The structure, with all that it points to behind it. */
  readonly message: Uint8Array;
  /** Of the daemon, as the plan counts them; with room for one more. */
  readonly descriptors: Int32Array;
  readonly descriptorCount: number;
}

function check(plan: LaunchPlan): void {
  const { seccomp, descriptors = [], root } = plan;
  if ((root?.mounts.length ?? 0) > MAX_ROOT_MOUNTS) {
    throw new RangeError(`a root of more than ${MAX_ROOT_MOUNTS} mounts`);
  }
  const length = (seccomp?.byteLength ?? 0) / SOCK_FILTER.size;
  if (!Number.isInteger(length) || length > MAX_FILTER_LENGTH) {
    throw new RangeError(`a seccomp filter of ${length} instructions`);
  }
  const targets = new Set(descriptors.map(({ to }) => to));
  if (
    targets.size !== descriptors.length ||
    descriptors.length > MAX_DESCRIPTORS ||
    descriptors.some(({ to }) => !Number.isInteger(to) || to < FIRST_FREE_DESCRIPTOR)
  ) {
    throw new RangeError(
      `descriptors to hand over are not up to ${MAX_DESCRIPTORS}, from ${FIRST_FREE_DESCRIPTOR} up, once each`,
    );
  }
}

function flagsOf(plan: LaunchPlan): number {
  const { uid, gid, groups } = plan;
  const flags: Readonly<Record<keyof typeof LAUNCH_FLAGS, boolean>> = {
    SET_UID: uid !== undefined,
    SET_GID: gid !== undefined,
    SET_GROUPS: uid !== undefined || gid !== undefined || groups !== undefined,
    SET_CAPABILITIES: plan.capabilities !== undefined,
    NO_NEW_PRIVS: plan.noNewPrivileges,
    TERMINAL: plan.terminal === true,
    CGROUP_NAMESPACE: plan.cgroupNamespace,
    BLOCK_SIGNALS: plan.blockSignals === true,
    ENDS_WITH_DAEMON: plan.endsWithDaemon === true,
  };
  let bits = 0;
  for (const name of Object.keys(LAUNCH_FLAGS) as (keyof typeof LAUNCH_FLAGS)[]) {
    bits |= flags[name] ? LAUNCH_FLAGS[name] : 0;
  }
  return bits;
}

function packRoot(root: RootPlan, message: PlanMessage): number {
  const mounts = message.structs(ROOT_MOUNT, root.mounts, (mount) => ({
    source: message.string(mount.source),
    target: message.string(mount.target),
    attributes: mount.attributes,
    is_directory: mount.isDirectory ? 1 : 0,
  }));
  const packed = {
    size: message.string(root.size),
    directories: message.strings(root.directories),
    mounts,
    proc: root.proc === undefined ? 0 : message.string(root.proc),
    hidden: message.strings(root.hidden),
    mount_count: root.mounts.length,
  };
  return message.structs(ROOT, [packed], (values) => values);
}

/**
 * @param joinPlan the number of the plan that makes what it joins, if that is on its way; 0: none
 * @throws {RangeError} for a NUL character in a string, and for what no process can have
 * @throws {LaunchError} where what it joins did not come about
 */
export function packLaunchPlan(plan: LaunchPlan, joinPlan = 0): PackedPlan {
  check(plan);
  const { join } = plan;
  // First: where it has to be waited for, another plan may be packed into the same memory.
  const joinPidfd = joinPlan === 0 ? join?.pidfd : undefined;
  const message = new PlanMessage(LAUNCH_PLAN.size);
  const hasOwnName = ((plan.newNamespaces ?? 0) & CLONE_NEWUTS) !== 0;
  const hostname = (hasOwnName ? plan.hostname : join?.hostname) ?? "";
  const { groups = [], seccomp, descriptors = [] } = plan;
  const packed = {
    paths: message.strings(plan.paths),
    argv: message.strings(plan.argv),
    envp: message.strings(Object.entries(plan.env).map(([name, value]) => `${name}=${value}`)),
    cwd: message.string(plan.cwd),
    hostname: message.string(hostname),
    namespaces: plan.newNamespaces ?? 0,
    join: join?.namespaces ?? 0,
    rlimits: message.structs(RLIMIT, plan.resourceLimits, (limit) => limit),
    groups: message.bytes(new Uint8Array(Uint32Array.from(groups).buffer)),
    capabilities: plan.capabilities ?? 0n,
    filter: seccomp === undefined ? 0 : message.bytes(seccomp),
    descriptors: message.structs(DESCRIPTOR, descriptors, ({ from, to }) => ({
      from: message.descriptor(from),
      to,
    })),
    root: plan.root === undefined ? 0 : packRoot(plan.root, message),
    hostname_length: Buffer.byteLength(hostname),
    rlimit_count: plan.resourceLimits.length,
    group_count: groups.length,
    filter_count: (seccomp?.byteLength ?? 0) / SOCK_FILTER.size,
    descriptor_count: descriptors.length,
    flags: flagsOf(plan),
    uid: plan.uid ?? 0,
    gid: plan.gid ?? 0,
    cgroup: message.descriptor(plan.cgroupFd),
    own_pid_namespace: message.descriptor(join?.ownPidNamespace),
    program: message.descriptor(plan.programFd),
    stdin: message.descriptor(plan.stdin),
    stdout: message.descriptor(plan.stdout),
    stderr: message.descriptor(plan.stderr),
    status: -1,
    number: 0,
    join_plan: joinPlan,
    join_pidfd: message.descriptor(joinPidfd),
  };
  return message.finish((view, length) => {
    LAUNCH_PLAN.write(view, packed);
    LAUNCH_PLAN.write(view, { length });
  });
}
