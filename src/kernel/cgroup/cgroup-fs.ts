/** Control groups by the files of the kernel (Documentation/admin-guide/cgroup-v2.rst). */
import {
  existsSync,
  mkdirSync,
  openSync,
  constants,
  type Dirent,
  readdirSync,
  rmdirSync,
  watch,
  writeFileSync,
} from "node:fs";
import { O_CLOEXEC } from "../abi/open.ts";
import { readKernelFile } from "../io/kernel-file.ts";
import { isErrno } from "../sys/error.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { blockDeviceNumber } from "./block-device.ts";
import type { Cgroups } from "./cgroups.ts";
import { CONTROLLERS, type Controller } from "./limits.ts";
import { named } from "./named.ts";

const O_DIRECTORY_CLOEXEC = constants.O_RDONLY | constants.O_DIRECTORY | O_CLOEXEC;

function listed(text: string): Set<Controller> {
  const names = new Set(text.trim().split(/\s+/));
  return new Set(CONTROLLERS.filter((controller) => names.has(controller)));
}

export class CgroupFs implements Cgroups {
  readonly root: string;
  /** Groups that have handed down what every one does. */
  readonly #delegated = new Set<string>();

  /** @param root where the hierarchy is mounted, see `findCgroup2` */
  constructor(root: string) {
    this.root = root;
  }

  #file(path: string, file = ""): string {
    const group = path === "" ? this.root : `${this.root}/${path}`;
    return file === "" ? group : `${group}/${file}`;
  }

  controllers(): ReadonlySet<Controller> {
    return listed(this.read("", "cgroup.controllers"));
  }

  exists(path: string): boolean {
    return existsSync(this.#file(path));
  }

  create(path: string): void {
    const directory = this.#file(path);
    named("mkdir", JSON.stringify(directory), () => mkdirSync(directory, { mode: 0o755 }));
    this.#delegated.delete(path);
  }

  delegate(path: string, controllers: Iterable<Controller>): ReadonlySet<Controller> {
    return this.#handDown(path, controllers).has;
  }

  delegateOnce(path: string, controllers: Iterable<Controller>): void {
    if (!this.#delegated.has(path) && !this.#handDown(path, controllers).isRefused) {
      this.#delegated.add(path);
    }
  }

  #handDown(
    path: string,
    controllers: Iterable<Controller>,
  ): { readonly has: ReadonlySet<Controller>; readonly isRefused: boolean } {
    const has = listed(this.read(path, "cgroup.subtree_control"));
    const wanted = [...controllers].filter((one) => !has.has(one));
    const offered = wanted.length === 0 ? has : listed(this.read(path, "cgroup.controllers"));
    const missing = wanted.filter((one) => offered.has(one));
    if (missing.length === 0) {
      return { has, isRefused: false };
    }
    // One write for all is one pass through the kernel; only when it refuses is each tried for itself.
    const write = (names: readonly Controller[]): boolean => {
      try {
        this.write(path, {
          file: "cgroup.subtree_control",
          value: names.map((name) => `+${name}`).join(" "),
        });
        return true;
      } catch (error) {
        if (isErrno(error, "EBUSY", "ENOENT", "EINVAL", "EOPNOTSUPP")) {
          return false;
        }
        throw error;
      }
    };
    const isRefused = !write(missing);
    if (isRefused) {
      for (const controller of missing) {
        write([controller]);
      }
    }
    return { has: listed(this.read(path, "cgroup.subtree_control")), isRefused };
  }

  write(path: string, { file, value }: { file: string; value: string }): void {
    const name = this.#file(path, file);
    named("write", `${JSON.stringify(name)} = ${JSON.stringify(value)}`, () => {
      // Without O_CREAT: a file that the kernel does not have is ENOENT, not EPERM.
      writeFileSync(name, value, { flag: "r+" });
    });
  }

  read(path: string, file: string): string {
    return readKernelFile(this.#file(path, file));
  }

  open(path: string): FileDescriptor {
    const directory = this.#file(path);
    return named(
      "open",
      JSON.stringify(directory),
      () => new FileDescriptor(openSync(directory, O_DIRECTORY_CLOEXEC)),
    );
  }

  processes(path: string): number[] {
    try {
      return this.read(path, "cgroup.procs").split("\n").filter(Boolean).map(Number);
    } catch (error) {
      if (isErrno(error, "ENOENT", "ENODEV")) {
        return [];
      }
      throw error;
    }
  }

  kill(path: string): void {
    if (this.exists(path)) {
      this.write(path, { file: "cgroup.kill", value: "1" });
    }
  }

  /** Whether a line is in cgroup.events. @throws {SyscallError} ENOENT or ENODEV for a group that is gone */
  #hasEvent(path: string, line: string): boolean {
    return this.read(path, "cgroup.events").split("\n").includes(line);
  }

  /** Waits for a line in cgroup.events, whose watchers the kernel notifies of every change (inotify(7)). */
  async #event(path: string, line: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#hasEvent(path, line)) {
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      try {
        if (this.#hasEvent(path, line)) {
          resolve();
        }
      } catch (error) {
        reject(error);
      }
    };
    const onAbort = (): void => reject(signal?.reason);
    const file = this.#file(path, "cgroup.events");
    const watcher = named("watch", JSON.stringify(file), () => watch(file, look));
    watcher.on("error", reject);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      // It may have changed between the first look and the start of the watch.
      look();
      await promise;
    } finally {
      watcher.close();
      signal?.removeEventListener("abort", onAbort);
    }
  }

  isEmpty(path: string): boolean {
    try {
      return this.#hasEvent(path, "populated 0");
    } catch (error) {
      if (isErrno(error, "ENOENT", "ENODEV")) {
        return true;
      }
      throw error;
    }
  }

  async emptied(path: string, signal?: AbortSignal): Promise<void> {
    try {
      await this.#event(path, "populated 0", signal);
    } catch (error) {
      if (!isErrno(error, "ENOENT", "ENODEV")) {
        throw error;
      }
    }
  }

  isFrozen(path: string): boolean {
    return this.#hasEvent(path, "frozen 1");
  }

  async frozen(path: string, wanted: boolean, signal?: AbortSignal): Promise<void> {
    await this.#event(path, `frozen ${wanted ? 1 : 0}`, signal);
  }

  blockDevice(device: string): string {
    return blockDeviceNumber(device);
  }

  #entries(path: string, wanted: (entry: Dirent) => boolean): string[] {
    const directory = this.#file(path);
    return named("readdir", JSON.stringify(directory), () =>
      readdirSync(directory, { withFileTypes: true })
        .filter(wanted)
        .map((entry) => entry.name),
    );
  }

  children(path: string): string[] {
    return this.#entries(path, (entry) => entry.isDirectory());
  }

  files(path: string): string[] {
    return this.#entries(path, (entry) => entry.isFile());
  }

  remove(path: string): void {
    const directory = this.#file(path);
    named("rmdir", JSON.stringify(directory), () => rmdirSync(directory));
    // It is made anew, or never named again.
    this.#delegated.delete(path);
  }
}
