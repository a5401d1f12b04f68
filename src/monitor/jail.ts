/**
 * What a monitor's process is started with that it can't get rid of: a root without files, namespaces, a user of its own,
 * no rights, limits. What each part is for is in `docs/design/vmm.md`.
 */
import {
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
} from "../kernel/abi/mount.ts";
import {
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUTS,
} from "../kernel/abi/sched.ts";
import { mountPoints } from "../kernel/mount/mount.ts";
import type { LaunchPlan, ResourceLimit, RootPlan } from "../kernel/process/launch-plan.ts";
import { programFilesOf } from "../kernel/process/program-files.ts";
import { RESOURCE_LIMITS } from "../kernel/process/resource-limits.ts";
import { RUNTIME_ENV } from "../vmm/protocol/runtime-env.ts";

/** Where the machine's sockets are, for its monitor. */
export const SOCKETS_FOLDER = "/run";
/** Where its libraries are, whatever their folders on the host are. */
const LIBRARIES = "lib";

/** Directories, and nothing that is written. */
const ROOT_SIZE = "64k";
const UNTOUCHABLE = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

const NAMESPACES = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET;

/** eventfds and sockets of a vsock's connections, above all. */
const MAX_OPEN_FILES = 4096n;
/** A snapshot's state, beside the memory. */
const STATE_BYTES = 256 * 1024 * 1024;
/** The runtime's own threads, some of them one a processor of the host, and those of a machine with 32 vCPUs. */
export const MAX_THREADS = 512n;

/** The folders above a path, from the top down. */
function foldersOf(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "");
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join("/"));
}

/**
 * @param programFd of the executable
 * @param socketsFolder of the host, to be seen at {@link SOCKETS_FOLDER}
 * @throws {SyscallError} where a library is missing
 */
export function jailRoot(programFd: number, socketsFolder: string): RootPlan {
  const { loader, libraries } = programFilesOf(programFd);
  const files = libraries.map(({ name, path }) => [path, `${LIBRARIES}/${name}`] as const);
  const loaderFile = loader === undefined ? [] : [[loader, loader.slice(1)] as const];
  const all = [...loaderFile, ...files];
  const mounts = all.map(([source, target]) => {
    return { source, target, attributes: UNTOUCHABLE, isDirectory: false };
  });
  const folders = all.flatMap(([, target]) => foldersOf(target));
  return {
    size: ROOT_SIZE,
    directories: [...new Set(folders)],
    mounts: [
      ...mounts,
      {
        source: socketsFolder,
        target: SOCKETS_FOLDER.slice(1),
        attributes: UNTOUCHABLE | MOUNT_ATTR_NOEXEC,
        isDirectory: true,
      },
    ],
    proc: "proc",
    hidden: [...mountPoints()].filter((point) => point !== "/"),
  };
}

/** @param largestBytes of a file that the machine has as a disk; it can't be made larger */
export function jailLimits(largestBytes: number, memoryBytes: number): ResourceLimit[] {
  const fileBytes = BigInt(Math.max(largestBytes, memoryBytes + STATE_BYTES));
  const limits = {
    core: 0n,
    fsize: fileBytes,
    nofile: MAX_OPEN_FILES,
    nproc: MAX_THREADS,
    memlock: 0n,
    msgqueue: 0n,
    nice: 0n,
    rtprio: 0n,
  } satisfies Partial<Record<keyof typeof RESOURCE_LIMITS, bigint>>;
  return Object.entries(limits).map(([name, value]) => ({
    resource: RESOURCE_LIMITS[name as keyof typeof limits],
    soft: value,
    hard: value,
  }));
}

/** The part of a plan that is the same for every monitor. */
export function jailPlan(uid: number) {
  return {
    paths: [],
    // The loader looks in the folder first; nothing else is in it, not even a PATH.
    env: { LD_LIBRARY_PATH: `/${LIBRARIES}`, ...RUNTIME_ENV },
    cwd: "/",
    cgroupNamespace: true,
    newNamespaces: NAMESPACES,
    hostname: "vmm",
    uid,
    gid: uid,
    groups: [],
    capabilities: 0n,
    noNewPrivileges: true,
  } satisfies Partial<LaunchPlan>;
}
