/**
 * The door to the namespaces of cells. Namespaces live as long as a process is in them, so each cell that unshares any
 * has a first process that holds them: a small static program, PID 1 where there is a process id namespace, that does
 * nothing but reap. Implemented by the kernel (`kernel-namespaces.ts`) and in memory (`../fake/fake-namespaces.ts`).
 */
import type { ProcessIdentity } from "../process/processes.ts";
import type { FileDescriptor } from "../sys/fd.ts";

export interface NamespaceRequest {
  /** Process id, mount (with a /proc of its own), IPC and UTS namespaces. */
  readonly process: boolean;
  /** A network namespace, with loopback up. */
  readonly network: boolean;
  /** The host name in a new UTS namespace. */
  readonly hostname: string;
  /** The cell above that has namespaces; what is not unshared is shared with it. Left out: with the daemon. */
  readonly parent?: CellNamespaces | undefined;
  /** The directory of the control group that the first process is born in. Left out: the daemon's own. */
  readonly cgroup?: FileDescriptor | undefined;
  /** Whether the first process ends with the daemon, and all that is in there with it. */
  readonly endsWithDaemon?: boolean;
}

/**
 * The namespaces of one cell, held by their first process. They may be in the making at first; whoever needs them waits,
 * and is told if they could not be made.
 */
export interface CellNamespaces extends ProcessIdentity {
  /** Waits until they are made. @throws {LaunchError} naming the step that failed; nothing is left behind then */
  settle(): void;
  /** Whether processes in it have other ids than on the machine. */
  readonly hasProcessIds: boolean;
  /** Whether something may be mounted there that is not there from the start. Known once `end` was called. */
  readonly mayHaveMounts: boolean;
  readonly isEnded: boolean;
  /** Resolves when the first process has ended, and with it every process in its process id namespace. */
  readonly ended: Promise<void>;
  /** Ends the first process. Called again, nothing happens. */
  end(): void;
}

export interface Namespaces {
  /** Begins to make some, or has some that were made before. Whoever gets them settles them. @throws {LaunchError} */
  create(request: NamespaceRequest): CellNamespaces;
  /** Finds what an earlier daemon made. @returns undefined when its first process has ended */
  adopt(identity: ProcessIdentity): CellNamespaces | undefined;
}
