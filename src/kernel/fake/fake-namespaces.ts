/** Namespaces of cells in memory, which end what is in them as the kernel does. For tests. */
import { ERRNO, type ErrnoName } from "../abi/errno.ts";
import type { CellNamespaces, NamespaceRequest, Namespaces } from "../namespace/namespaces.ts";
import { LaunchError } from "../process/launcher.ts";
import type { ProcessIdentity } from "../process/processes.ts";
import type { FakeCgroups } from "./fake-cgroups.ts";
import type { FakeProcesses } from "./fake-processes.ts";

class FakeCellNamespaces implements CellNamespaces {
  readonly pid: number;
  readonly startTime: bigint;
  readonly hasProcessIds: boolean;
  readonly request: NamespaceRequest;
  readonly #end = Promise.withResolvers<void>();
  readonly #onEnd: () => void;
  isEnded = false;
  mayHaveMounts = false;
  /** Why there are none. */
  failure: LaunchError | undefined;

  constructor(pid: number, request: NamespaceRequest, onEnd: () => void) {
    this.pid = pid;
    this.startTime = BigInt(pid) * 10n;
    this.hasProcessIds = request.process || request.parent?.hasProcessIds === true;
    this.request = request;
    this.#onEnd = onEnd;
  }

  settle(): void {
    if (this.failure !== undefined) {
      throw this.failure;
    }
  }

  get ended(): Promise<void> {
    return this.#end.promise;
  }

  end(): void {
    if (!this.isEnded) {
      this.isEnded = true;
      this.#onEnd();
      this.#end.resolve();
    }
  }
}

export class FakeNamespaces implements Namespaces {
  readonly all = new Map<number, FakeCellNamespaces>();
  readonly #cgroups: FakeCgroups;
  readonly #processes: FakeProcesses;
  /** What the next create makes fails with this. */
  failNext: ErrnoName | undefined;

  constructor(cgroups: FakeCgroups, processes: FakeProcesses) {
    this.#cgroups = cgroups;
    this.#processes = processes;
    const { onKill } = cgroups;
    cgroups.onKill = (pid) => {
      onKill(pid);
      this.all.get(pid)?.end();
    };
  }

  create(request: NamespaceRequest): FakeCellNamespaces {
    if (this.failNext !== undefined) {
      const errno = ERRNO[this.failNext];
      this.failNext = undefined;
      const none = new FakeCellNamespaces(0, request, () => undefined);
      none.failure = new LaunchError("clone3", errno, request.hostname);
      none.end();
      return none;
    }
    const pid = this.#processes.takePid();
    const fake = new FakeCellNamespaces(pid, request, () => this.#ended(fake));
    this.all.set(pid, fake);
    if (request.cgroup !== undefined) {
      this.#cgroups.join(this.#cgroups.pathOf(request.cgroup), pid);
    }
    return fake;
  }

  /** The end of the first process of a process id namespace is the end of all in it, and in those below. */
  #ended(fake: FakeCellNamespaces): void {
    this.#cgroups.leave(fake.pid);
    if (fake.request.process) {
      this.#endAllIn(fake);
    }
  }

  #endAllIn(fake: FakeCellNamespaces): void {
    for (const it of this.#processes.running) {
      if (it.options.namespaces === fake) {
        it.exit({ kind: "signaled", signal: 9 });
      }
    }
    for (const below of this.running) {
      if (below.request.parent === fake) {
        below.end();
        this.#endAllIn(below);
      }
    }
  }

  adopt({ pid, startTime }: ProcessIdentity): FakeCellNamespaces | undefined {
    const fake = this.all.get(pid);
    return fake?.isEnded === false && fake.startTime === startTime ? fake : undefined;
  }

  /** Those that have not ended, for a census. */
  get running(): FakeCellNamespaces[] {
    return [...this.all.values()].filter((fake) => !fake.isEnded);
  }

  /** What was made last. */
  get last(): FakeCellNamespaces {
    const fake = [...this.all.values()].at(-1);
    if (fake === undefined) {
      throw new Error("no namespaces were made");
    }
    return fake;
  }
}
