/** Control groups in memory, with the kernel's rules as far as the domain relies on them. For tests. */
import { openSync } from "node:fs";
import { ERRNO, type ErrnoName } from "../abi/errno.ts";
import type { Cgroups } from "../cgroup/cgroups.ts";
import type { Controller } from "../cgroup/limits.ts";
import { SyscallError } from "../sys/error.ts";
import { FileDescriptor } from "../sys/fd.ts";

interface Group {
  readonly files: Map<string, string>;
  readonly delegated: Set<Controller>;
  readonly processes: Set<number>;
}

const newGroup = (): Group => ({ files: new Map(), delegated: new Set(), processes: new Set() });

export class FakeCgroups implements Cgroups {
  readonly root = "/fake/cgroup";
  readonly #offered: ReadonlySet<Controller>;
  readonly #groups = new Map<string, Group>([["", newGroup()]]);
  readonly #descriptors = new Map<number, string>();
  readonly #waiters = new Set<() => void>();
  /** Answers with an error to give instead of a write, if any. */
  refuseWrite: (path: string, file: string, value: string) => ErrnoName | undefined = () =>
    undefined;
  /** What happens to a process that cgroup.kill reaches. */
  onKill: (pid: number) => void = () => undefined;

  constructor(offered: Iterable<Controller> = ["cpu", "cpuset", "memory", "pids"]) {
    this.#offered = new Set(offered);
  }

  #group(path: string, call: string): Group {
    const group = this.#groups.get(path);
    if (group === undefined) {
      throw new SyscallError(call, ERRNO.ENOENT, JSON.stringify(`${this.root}/${path}`));
    }
    return group;
  }

  /** All groups, for a census. */
  get paths(): string[] {
    return [...this.#groups.keys()].filter((path) => path !== "").sort();
  }

  controllers(): ReadonlySet<Controller> {
    return this.#offered;
  }

  exists(path: string): boolean {
    return this.#groups.has(path);
  }

  create(path: string): void {
    this.#group(parentOf(path), "mkdir");
    if (this.#groups.has(path)) {
      throw new SyscallError("mkdir", ERRNO.EEXIST, JSON.stringify(`${this.root}/${path}`));
    }
    this.#groups.set(path, newGroup());
  }

  #offeredTo(path: string): ReadonlySet<Controller> {
    return path === "" ? this.#offered : this.#group(parentOf(path), "read").delegated;
  }

  delegate(path: string, controllers: Iterable<Controller>): ReadonlySet<Controller> {
    const { delegated } = this.#group(path, "write");
    const offered = this.#offeredTo(path);
    for (const controller of controllers) {
      if (offered.has(controller)) {
        delegated.add(controller);
      }
    }
    return delegated;
  }

  write(path: string, { file, value }: { file: string; value: string }): void {
    const group = this.#group(path, "write");
    const object = `${JSON.stringify(`${this.root}/${path}/${file}`)} = ${JSON.stringify(value)}`;
    const controller = file.split(".")[0];
    const refusal = this.refuseWrite(path, file, value);
    if (refusal !== undefined) {
      throw new SyscallError("write", ERRNO[refusal], object);
    }
    if (controller !== "cgroup" && ![...this.#offeredTo(path)].some((it) => it === controller)) {
      throw new SyscallError("write", ERRNO.ENOENT, object);
    }
    group.files.set(file, value);
  }

  read(path: string, file: string): string {
    const value = this.#group(path, "read").files.get(file);
    if (value === undefined) {
      const object = JSON.stringify(`${this.root}/${path}/${file}`);
      throw new SyscallError("read", ERRNO.ENOENT, object);
    }
    return `${value}\n`;
  }

  open(path: string): FileDescriptor {
    this.#group(path, "open");
    const descriptor = new FileDescriptor(openSync("/dev/null", "r"));
    this.#descriptors.set(descriptor.number, path);
    return descriptor;
  }

  /** The group that a descriptor was opened for. */
  pathOf(descriptor: FileDescriptor): string {
    return this.#descriptors.get(descriptor.number) ?? "";
  }

  /** Puts a process into a group. */
  join(path: string, pid: number): void {
    this.#group(path, "write").processes.add(pid);
  }

  /** Takes a process that has ended out of its group. */
  leave(pid: number): void {
    for (const { processes } of this.#groups.values()) {
      processes.delete(pid);
    }
    for (const waiter of [...this.#waiters]) {
      waiter();
    }
  }

  processes(path: string): number[] {
    return [...(this.#groups.get(path)?.processes ?? [])];
  }

  #below(path: string): number[] {
    return [...this.#groups]
      .filter(([other]) => other === path || other.startsWith(`${path}/`))
      .flatMap(([, { processes }]) => [...processes]);
  }

  kill(path: string): void {
    for (const pid of this.#below(path)) {
      this.onKill(pid);
    }
  }

  emptied(path: string, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      if (this.#below(path).length === 0) {
        this.#waiters.delete(look);
        resolve();
      }
    };
    const onAbort = (): void => {
      this.#waiters.delete(look);
      reject(signal?.reason);
    };
    this.#waiters.add(look);
    if (signal?.aborted === true) {
      onAbort();
    } else {
      signal?.addEventListener("abort", onAbort, { once: true });
      look();
    }
    return promise;
  }

  children(path: string): string[] {
    this.#group(path, "readdir");
    const prefix = path === "" ? "" : `${path}/`;
    return [...this.#groups.keys()]
      .filter((other) => other !== "" && parentOf(other) === path)
      .map((other) => other.slice(prefix.length));
  }

  remove(path: string): void {
    const { processes } = this.#group(path, "rmdir");
    if (processes.size > 0 || this.children(path).length > 0) {
      throw new SyscallError("rmdir", ERRNO.EBUSY, JSON.stringify(`${this.root}/${path}`));
    }
    this.#groups.delete(path);
  }
}

function parentOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}
