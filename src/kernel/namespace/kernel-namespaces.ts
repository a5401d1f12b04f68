/**
 * Namespaces of the kernel. The launcher makes them together with their first process, which holds them. Nothing of the
 * host's is changed: mounts of a cell are slaves of the host's, so they never get there.
 */
import { openSync, readlinkSync } from "node:fs";
import {
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUTS,
} from "../abi/sched.ts";
import type { ExitWatcher } from "../process/exit-watcher.ts";
import { BegunLaunch, type LaunchedProcess } from "../process/launcher.ts";
import { openProcess, readProcStat } from "../process/proc-stat.ts";
import type { ProcessIdentity } from "../process/processes.ts";
import { isErrno } from "../sys/error.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { openCellInit } from "./cell-init.ts";
import { KernelCellNamespaces } from "./kernel-cell-namespaces.ts";
import type { CellNamespaces, NamespaceRequest, Namespaces } from "./namespaces.ts";
import { SpareNamespaces } from "./spare-namespaces.ts";

/** By their names in /proc/pid/ns. */
const KINDS = {
  pid: CLONE_NEWPID,
  mnt: CLONE_NEWNS,
  ipc: CLONE_NEWIPC,
  uts: CLONE_NEWUTS,
  net: CLONE_NEWNET,
} as const;

const OF_PROCESSES = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;

/** Until they are given out. */
const SPARE_HOSTNAME = "spare";

interface Beginning {
  readonly hostname: string;
  /** For those who list processes. */
  readonly words: readonly string[];
  readonly parent?: KernelCellNamespaces | undefined;
  /** Closed once they are settled. */
  readonly group?: FileDescriptor | undefined;
  readonly endsWithDaemon: boolean;
}

/** The kernel's own class is all that its launcher can join. @throws {TypeError} for another */
export function kernelNamespaces(namespaces: CellNamespaces): KernelCellNamespaces {
  if (!(namespaces instanceof KernelCellNamespaces)) {
    throw new TypeError("these namespaces are not the kernel's");
  }
  return namespaces;
}

/** CLONE_NEW* bits of the namespaces of a process that are not the daemon's. */
function foreignBits(pid: number): number {
  let bits = 0;
  for (const [name, bit] of Object.entries(KINDS)) {
    bits |=
      readlinkSync(`/proc/${pid}/ns/${name}`) === readlinkSync(`/proc/self/ns/${name}`) ? 0 : bit;
  }
  return bits;
}

export class KernelNamespaces implements Namespaces, Disposable {
  readonly #watcher: ExitWatcher;
  readonly #program = openCellInit();
  readonly #null = new FileDescriptor(openSync("/dev/null", "r+"));
  /** The daemon's own. */
  readonly #processIds = new FileDescriptor(openSync("/proc/self/ns/pid", "r"));
  readonly #spares = new SpareNamespaces({
    make: (bits) => this.#beginSpare(bits),
    look: () => this.#watcher.look(),
  });

  /** @param watcher the one that also watches the executables, whose ends it gets by the same signal */
  constructor(watcher: ExitWatcher) {
    this.#watcher = watcher;
  }

  create(request: NamespaceRequest): KernelCellNamespaces {
    const { hostname, cgroup, endsWithDaemon = false } = request;
    const parent = request.parent === undefined ? undefined : kernelNamespaces(request.parent);
    const bits = (request.process ? OF_PROCESSES : 0) | (request.network ? CLONE_NEWNET : 0);
    const isAsSpares = endsWithDaemon && cgroup === undefined && parent === undefined;
    const spare = isAsSpares ? this.#spares.take(bits, hostname) : undefined;
    if (spare !== undefined) {
      return spare;
    }
    using undo = new DisposableStack();
    // The caller's is closed before these are settled.
    const group = cgroup === undefined ? undefined : undo.use(cgroup.duplicate());
    const words = [hostname];
    const namespaces = this.#begin(bits, { hostname, words, parent, group, endsWithDaemon });
    undo.move();
    return namespaces;
  }

  #beginSpare(bits: number): KernelCellNamespaces {
    return this.#begin(bits, { hostname: SPARE_HOSTNAME, words: [], endsWithDaemon: true });
  }

  #begin(
    bits: number,
    { hostname, words, parent, group, endsWithDaemon }: Beginning,
  ): KernelCellNamespaces {
    const begun = new BegunLaunch({
      paths: [],
      programFd: this.#program.number,
      argv: ["aurae-cell", ...words],
      env: {},
      cwd: "/",
      cgroupFd: group?.number,
      cgroupNamespace: true,
      join: parent === undefined || parent.bits === 0 ? undefined : parent.join(),
      newNamespaces: bits,
      hostname,
      stdin: this.#null.number,
      stdout: this.#null.number,
      stderr: this.#null.number,
      noNewPrivileges: false,
      resourceLimits: [],
      blockSignals: true,
      endsWithDaemon,
    });
    return new KernelCellNamespaces(bits | (parent?.bits ?? 0), this.#processIds, {
      launch: begun,
      isThere: () => begun.isOver,
      pidfd: () => begun.end().pidfd,
      watched: () => {
        using _ = group;
        return this.#watched(begun.end());
      },
    });
  }

  /** When it started is wanted of those only that another daemon is to find again, and is asked for then. */
  #watched({ pid, pidfd }: LaunchedProcess) {
    const ended = this.#watcher.watch(pid, pidfd);
    // One that is reaped already is nobody's: no process has started at 0.
    return { pid, startTime: () => readProcStat(pid)?.startTime ?? 0n, ended };
  }

  adopt(identity: ProcessIdentity): KernelCellNamespaces | undefined {
    const pidfd = openProcess(identity);
    if (pidfd === undefined) {
      return undefined;
    }
    try {
      const bits = foreignBits(identity.pid);
      const ended = this.#watcher.watchStranger(identity.pid, pidfd);
      return new KernelCellNamespaces(bits, this.#processIds, {
        isThere: () => true,
        pidfd: () => pidfd,
        watched: () => ({ pid: identity.pid, startTime: () => identity.startTime, ended }),
      });
    } catch (error) {
      pidfd[Symbol.dispose]();
      if (isErrno(error, "ENOENT", "ESRCH")) {
        return undefined;
      }
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#spares[Symbol.dispose]();
    this.#program[Symbol.dispose]();
    this.#null[Symbol.dispose]();
    this.#processIds[Symbol.dispose]();
  }
}
