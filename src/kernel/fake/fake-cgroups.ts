/** Control groups in memory, with the kernel's rules as far as the domain relies on them. For tests. */
import { openSync } from "node:fs";
import { ERRNO, type ErrnoName } from "../abi/errno.ts";
import type { Cgroups } from "../cgroup/cgroups.ts";
import type { Controller } from "../cgroup/limits.ts";
import { SyscallError } from "../sys/error.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { FAKE_DEVICES, fileNames, initialText, writeEffect } from "./fake-cgroup-files.ts";

interface Group {
  /** The texts of files that are no longer as in a new group. */
  readonly files: Map<string, string>;
  /** Whether cgroup.freeze asks for it. */
  freeze: boolean;
  readonly delegated: Set<Controller>;
  readonly processes: Set<number>;
}

const newGroup = (): Group => ({
  ...{ files: new Map(), freeze: false, delegated: new Set(), processes: new Set() },
});

export class FakeCgroups implements Cgroups {
  readonly root = "/fake/cgroup";
  readonly #offered: ReadonlySet<Controller>;
  readonly #groups = new Map<string, Group>([["", newGroup()]]);
  readonly #descriptors = new Map<number, string>();
  readonly #waiters = new Set<() => void>();
  /** Answers with an error to give instead of a write, if any. */
  refuseWrite: (path: string, file: string, value: string) => ErrnoName | undefined = () =>
    undefined;
  /** Files that this kernel does not have, though it has their controller. */
  readonly missingFiles = new Set<string>();
  /** Processes that do not freeze, for as long as they are in here; see `look`. */
  readonly stubborn = new Set<number>();
  /** What happens to a process that cgroup.kill reaches. */
  onKill: (pid: number) => void = () => undefined;

  constructor(offered: Iterable<Controller> = ["cpu", "cpuset", "memory", "pids", "io"]) {
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

  delegateOnce(path: string, controllers: Iterable<Controller>): void {
    this.delegate(path, controllers);
  }

  #has(path: string, file: string): boolean {
    return !this.missingFiles.has(file) && initialText(file, this.#offeredTo(path)) !== undefined;
  }

  /** A file's text without the newline at its end; undefined where there is no such file. */
  #text(path: string, file: string): string | undefined {
    const { files, freeze } = this.#group(path, "read");
    switch (file) {
      case "cgroup.freeze":
        return freeze ? "1" : "0";
      case "cgroup.events":
        return `populated ${this.#below(path).length > 0 ? 1 : 0}\nfrozen ${this.isFrozen(path) ? 1 : 0}`;
      default:
        return this.#has(path, file)
          ? (files.get(file) ?? initialText(file, this.#offeredTo(path)))
          : undefined;
    }
  }

  write(path: string, { file, value }: { file: string; value: string }): void {
    const group = this.#group(path, "write");
    const object = `${JSON.stringify(`${this.root}/${path}/${file}`)} = ${JSON.stringify(value)}`;
    const fail = (errno: ErrnoName): never => {
      throw new SyscallError("write", ERRNO[errno], object);
    };
    const refusal = this.refuseWrite(path, file, value);
    if (refusal !== undefined) {
      fail(refusal);
    }
    if (file === "cgroup.freeze") {
      group.freeze = value === "1";
      this.look();
      return;
    }
    if (!this.#has(path, file)) {
      fail("ENOENT");
    }
    if (this.#emptiesUsedList(path, file, value)) {
      fail("ENOSPC");
    }
    const effect = writeEffect(file, value, (other) => this.#text(path, other) ?? "");
    if (typeof effect === "string") {
      fail(effect);
    } else {
      this.set(path, effect);
    }
  }

  /** The kernel takes no empty list for a cpuset with processes that has one. */
  #emptiesUsedList(path: string, file: string, value: string): boolean {
    return (
      ["cpuset.cpus", "cpuset.mems"].includes(file) &&
      value.trim() === "" &&
      this.#text(path, file) !== "" &&
      this.#below(path).length > 0
    );
  }

  /** Puts texts into files, as the kernel does with counters. */
  set(path: string, texts: Readonly<Record<string, string>>): void {
    const { files } = this.#group(path, "write");
    for (const [file, text] of Object.entries(texts)) {
      files.set(file, text);
    }
  }

  /** The files of a group that are not as in a new one, by name. */
  changed(path: string): string[] {
    return [...this.#group(path, "read").files.keys()].sort();
  }

  read(path: string, file: string): string {
    const text = this.#text(path, file);
    if (text === undefined) {
      const object = JSON.stringify(`${this.root}/${path}/${file}`);
      throw new SyscallError("read", ERRNO.ENOENT, object);
    }
    return text === "" && file === "io.max" ? "" : `${text}\n`;
  }

  files(path: string): string[] {
    this.#group(path, "readdir");
    const names = fileNames(this.#offeredTo(path)).filter((file) => !this.missingFiles.has(file));
    return ["cgroup.freeze", "cgroup.events", ...names];
  }

  blockDevice(device: string): string {
    const number = Object.entries(FAKE_DEVICES).flat().includes(device)
      ? (FAKE_DEVICES[device] ?? device)
      : undefined;
    if (number === undefined && !/^[0-9]+:[0-9]+$/.test(device)) {
      throw new SyscallError("stat", ERRNO.ENOTBLK, JSON.stringify(device));
    }
    return number ?? device;
  }

  isFrozen(path: string): boolean {
    this.#group(path, "read");
    const ancestors = [...this.#groups].filter(
      ([other]) => other === path || path.startsWith(`${other}/`),
    );
    return (
      ancestors.some(([, { freeze }]) => freeze) &&
      !this.#below(path).some((pid) => this.stubborn.has(pid))
    );
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

  /** Puts a process into a group. @throws {Error} for a frozen group, where the kernel would hang the daemon */
  join(path: string, pid: number): void {
    if (this.isFrozen(path)) {
      throw new Error(
        `a process born into the frozen "${path}" never runs, and vfork waits for it`,
      );
    }
    this.#group(path, "write").processes.add(pid);
  }

  /** Takes a process that has ended out of its group. */
  leave(pid: number): void {
    for (const { processes } of this.#groups.values()) {
      processes.delete(pid);
    }
    this.look();
  }

  /** Has all who wait for a change see whether there is one. */
  look(): void {
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

  isEmpty(path: string): boolean {
    return this.#below(path).length === 0;
  }

  emptied(path: string, signal?: AbortSignal): Promise<void> {
    return this.#until(() => this.isEmpty(path), signal);
  }

  frozen(path: string, wanted: boolean, signal?: AbortSignal): Promise<void> {
    return this.#until(() => this.isFrozen(path) === wanted, signal);
  }

  #until(isTrue: () => boolean, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (reason: unknown): void => {
      this.#waiters.delete(look);
      reject(reason);
    };
    const look = (): void => {
      try {
        if (isTrue()) {
          this.#waiters.delete(look);
          resolve();
        }
      } catch (error) {
        fail(error);
      }
    };
    this.#waiters.add(look);
    if (signal?.aborted === true) {
      fail(signal.reason);
    } else {
      signal?.addEventListener("abort", () => fail(signal.reason), { once: true });
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
