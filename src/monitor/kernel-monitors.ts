/**
 * Monitors of the kernel: `auraed vmm`, one process a machine, started in its jail and asked by its control socket.
 *
 * The process holds both ends of that socket, as it does of its output pipes: while the daemon is away it is not told that
 * nobody is there, and the next daemon gets its end from there (pidfd_getfd(2)).
 */
import { chmodSync, chownSync, existsSync, mkdirSync, openSync, rmSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { AuraeError, messageOf } from "../base/errors.ts";
import { log } from "../base/log.ts";
import { readChunks } from "../domain/executables/read-chunks.ts";
import type { Monitor, MonitorRecord, Monitors, MonitorSpec } from "../domain/vms/monitors.ts";
import { ERRNO } from "../kernel/abi/errno.ts";
import { O_CLOEXEC, O_RDONLY } from "../kernel/abi/open.ts";
import type { Cgroups } from "../kernel/cgroup/cgroups.ts";
import { Kvm } from "../kernel/kvm/kvm.ts";
import { isPacketSocket, packetSocketPair } from "../kernel/net/packet-socket.ts";
import type { Accounts } from "../kernel/process/accounts.ts";
import type { ExitWatcher } from "../kernel/process/exit-watcher.ts";
import type { KernelProcesses } from "../kernel/process/kernel-processes.ts";
import { launch, LaunchError } from "../kernel/process/launcher.ts";
import {
  createOutputPipe,
  ENDED_PIPE,
  findOutputPipe,
  type OutputPipeEnds,
} from "../kernel/process/pipe.ts";
import { openProcess, readProcStat } from "../kernel/process/proc-stat.ts";
import { isErrno } from "../kernel/sys/error.ts";
import { FileDescriptor } from "../kernel/sys/fd.ts";
import { syscallRaw } from "../kernel/sys/syscall.ts";
import { MOST_VCPUS, VMM_FDS } from "../vmm/protocol/machine-config.ts";
import { monitorFailure, unmet } from "./failures.ts";
import { jailLimits, jailPlan, jailRoot, MAX_THREADS } from "./jail.ts";
import { MonitorFiles } from "./monitor-files.ts";
import { UserIds } from "./user-ids.ts";
import { VmCgroups } from "./vm-cgroups.ts";
import { VmmMonitor } from "./vmm-monitor.ts";

const MIB = 1024 * 1024;
const OWNER_ONLY = 0o700;
/** Whoever knows a name may pass. */
const PASS_THROUGH = 0o711;
/** How long one that hears nothing any more may take to end. */
const HANG_UP_MS = 1_000;
/** Of what a monitor that failed has said. */
const MAX_TAIL = 1000;
const ID = /^[\w:@-][\w.:@-]{0,127}$/;

export interface KernelMonitorsOptions {
  readonly cgroups: Cgroups;
  /** What watches all of the daemon's children, and what they print. */
  readonly processes: Pick<KernelProcesses, "watcher" | "poll">;
  readonly accounts: Accounts;
  /** Sockets are in folders of its folder `vms`. */
  readonly runtimeDir: string;
  /** What to run, and with which arguments. Left out: this executable, as a monitor. */
  readonly program?: { readonly path: string; readonly args: readonly string[] };
}

const OWN_PROGRAM = { path: "/proc/self/exe", args: ["vmm"] };

/** All that a monitor is made with, until it stands. */
interface Making {
  readonly id: string;
  readonly uid: number;
  readonly folder: string;
  readonly undo: AsyncDisposableStack;
}

export class KernelMonitors implements Monitors, Disposable {
  readonly #options: KernelMonitorsOptions;
  readonly #groups: VmCgroups;
  readonly #uids: UserIds;
  readonly #folder: string;
  readonly #null = new FileDescriptor(openSync("/dev/null", "r"));
  /** Of machines that are there, or about to be. */
  readonly #ids = new Set<string>();
  #canUseKvm = false;

  constructor(options: KernelMonitorsOptions) {
    this.#options = options;
    this.#groups = new VmCgroups(options.cgroups);
    this.#uids = new UserIds(options.accounts);
    this.#folder = join(options.runtimeDir, "vms");
  }

  get problem(): string | undefined {
    if (!this.#canUseKvm) {
      try {
        Kvm.open()[Symbol.dispose]();
        this.#canUseKvm = true;
      } catch (error) {
        return messageOf(error);
      }
    }
    return undefined;
  }

  async create(spec: MonitorSpec): Promise<Monitor> {
    this.#check(spec);
    this.#ids.add(spec.id);
    const undo = new AsyncDisposableStack();
    try {
      undo.defer(() => void this.#ids.delete(spec.id));
      this.#requireNobody(spec.id);
      await this.#removeLeftovers(spec.id);
      const uid = this.#uids.take();
      undo.defer(() => this.#uids.giveBack(uid));
      const folder = this.#makeFolder(spec.id, uid, undo);
      return await this.#start(spec, { id: spec.id, uid, folder, undo });
    } catch (error) {
      await undo.disposeAsync();
      throw monitorFailure(spec.id, error);
    }
  }

  /** What can be said before anything is made. @throws {AuraeError} */
  #check({ id, vcpus, memoryBytes }: MonitorSpec): void {
    const refuse = (kind: AuraeError["kind"], message: string): never => {
      throw new AuraeError(kind, message, { resource: id });
    };
    if (!ID.test(id)) {
      refuse("invalid_argument", `'${id}' is no id of a VM: letters, digits and marks of _.:@-`);
    }
    const { problem } = this;
    if (problem !== undefined) {
      refuse("failed_precondition", `no virtual machine can run here: ${problem}`);
    }
    if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > MOST_VCPUS) {
      refuse("invalid_argument", `VM '${id}' can't have ${vcpus} vCPUs: 1 to ${MOST_VCPUS}`);
    }
    const mib = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`;
    const hostBytes = totalmem();
    if (memoryBytes > hostBytes) {
      const limit = `this host has ${mib(hostBytes)}`;
      refuse("resource_exhausted", `VM '${id}' can't have ${mib(memoryBytes)} of memory: ${limit}`);
    }
    if (this.#ids.has(id)) {
      refuse("already_exists", `VM '${id}' has a monitor already`);
    }
  }

  /** What runs under the id is somebody's machine, and not ours to end. @throws {AuraeError} */
  #requireNobody(id: string): void {
    const pids = this.#groups.processes(id);
    if (pids.length > 0) {
      const who = `process ${pids.join(", ")} of a VM '${id}' that this daemon did not start`;
      const remedy = "stop it where it was started, or end it, or take another id";
      throw unmet(`${who} runs on this host, another auraed's it seems: ${remedy}`, id);
    }
  }

  #makeFolder(id: string, uid: number, undo: AsyncDisposableStack): string {
    mkdirSync(this.#folder, { recursive: true });
    chmodSync(this.#folder, PASS_THROUGH);
    const folder = join(this.#folder, id);
    mkdirSync(folder, { mode: OWNER_ONLY });
    undo.defer(() => rmSync(folder, { recursive: true, force: true }));
    chownSync(folder, uid, uid);
    return folder;
  }

  /** Starts the process, and has it make the machine. */
  async #start(spec: MonitorSpec, making: Making): Promise<VmmMonitor> {
    using files = new MonitorFiles(spec, making.folder);
    const limits = {
      memoryBytes: spec.memoryBytes + spec.limits.memoryOverheadBytes,
      processes: MAX_THREADS,
    };
    using group = this.#groups.create(making.id, limits);
    making.undo.defer(() => this.#groups.remove(making.id));
    const monitor = this.#launch(spec, files, group, making);
    // From now on all of it goes when the process ends.
    making.undo.move();
    try {
      await monitor.create(files.config);
      return monitor;
    } catch (error) {
      // The reason is better known to who knows how it ended. One that hears nothing any more is about to.
      if (error instanceof AuraeError && isErrno(error.cause, "EPIPE")) {
        await Promise.race([monitor.ended, Bun.sleep(HANG_UP_MS)]);
      }
      const isGone = monitor.isClosed;
      if (!isGone) {
        await monitor.kill();
      }
      const reason = isGone ? await earlyEndOf(monitor) : error;
      await Promise.all([monitor.console.close(), monitor.serial.close()]);
      throw reason;
    }
  }

  #launch(
    spec: MonitorSpec,
    files: MonitorFiles,
    group: FileDescriptor,
    { id, uid, folder }: Making,
  ): VmmMonitor {
    const { program = OWN_PROGRAM, processes } = this.#options;
    using stack = new DisposableStack();
    const undo = stack.use(new DisposableStack());
    const [control, theirs] = packetSocketPair();
    undo.use(control);
    stack.use(theirs);
    const pipe = (): OutputPipeEnds => {
      const ends = createOutputPipe(processes.poll);
      undo.defer(() => void ends.pipe.close());
      stack.use(ends.writer);
      return ends;
    };
    const [console, serial] = [pipe(), pipe()];
    const executable = stack.use(new FileDescriptor(openSync(program.path, O_RDONLY | O_CLOEXEC)));
    const { pid, pidfd } = launch({
      ...jailPlan(uid),
      programFd: executable.number,
      argv: ["auraed", ...program.args],
      cgroupFd: group.number,
      root: jailRoot(executable.number, folder),
      stdin: this.#null.number,
      stdout: console.writer.number,
      stderr: serial.writer.number,
      descriptors: [
        { from: theirs.number, to: VMM_FDS.controlFd },
        { from: control.number, to: VMM_FDS.daemonFd },
        ...files.descriptors,
      ],
      resourceLimits: jailLimits(files.largestBytes, spec.memoryBytes),
    });
    const exited = processes.watcher.watch(pid, pidfd);
    const startTime = readProcStat(pid)?.startTime;
    if (startTime === undefined) {
      throw new LaunchError("read the start time of", ERRNO.ESRCH, String(pid));
    }
    undo.move();
    const inodes = { stdoutInode: console.inode, stderrInode: serial.inode };
    const record = { pid, startTime, uid, ...inodes };
    return this.#monitor(id, record, exited, control, console.pipe, serial.pipe);
  }

  #monitor(
    id: string,
    record: MonitorRecord,
    exited: ReturnType<ExitWatcher["watch"]>,
    control: FileDescriptor,
    console: Monitor["console"],
    serial: Monitor["serial"],
  ): VmmMonitor {
    return new VmmMonitor({
      ...{ id, record, exited, control, console, serial },
      poll: this.#options.processes.poll,
      isAlive: () => this.#groups.has(id, record.pid),
      killAll: () => this.#groups.kill(id),
      wasOutOfMemory: () => this.#groups.wasOutOfMemory(id),
      removeAll: async () => {
        await this.#removeLeftovers(id);
        this.#uids.giveBack(record.uid);
        this.#ids.delete(id);
      },
    });
  }

  async #removeLeftovers(id: string): Promise<void> {
    await this.#groups.remove(id);
    rmSync(join(this.#folder, id), { recursive: true, force: true });
  }

  async adopt(id: string, record: MonitorRecord): Promise<Monitor | undefined> {
    if (!ID.test(id) || this.#ids.has(id)) {
      return undefined;
    }
    const control = this.#groups.has(id, record.pid) ? controlSocketOf(record) : undefined;
    if (control === undefined) {
      await this.clear(id);
      return undefined;
    }
    this.#ids.add(id);
    this.#uids.claim(record.uid);
    const undo = new AsyncDisposableStack();
    try {
      // What can't be gone on with is whoever asks to clear away.
      undo.defer(() => {
        this.#ids.delete(id);
        this.#uids.giveBack(record.uid);
      });
      undo.use(control.pidfd);
      undo.use(control.socket);
      const { watcher, poll } = this.#options.processes;
      const pipe = (inode: bigint): Monitor["console"] => {
        const found = findOutputPipe(poll, inode, [record.pid]) ?? ENDED_PIPE;
        undo.defer(() => found.close());
        return found;
      };
      const [console, serial] = [pipe(record.stdoutInode), pipe(record.stderrInode)];
      const exited = watcher.watchStranger(record.pid, control.pidfd);
      const monitor = this.#monitor(id, record, exited, control.socket, console, serial);
      undo.move();
      return monitor;
    } catch (error) {
      await undo.disposeAsync();
      throw error;
    }
  }

  async clear(id: string): Promise<void> {
    if (!ID.test(id) || this.#ids.has(id)) {
      return;
    }
    // Its folder is made before it, and goes after it: what runs without one is another daemon's.
    if (!existsSync(join(this.#folder, id)) && this.#groups.processes(id).length > 0) {
      log.warn("a vm of this id runs that this daemon did not start: it is left alone", { vm: id });
      return;
    }
    await this.#removeLeftovers(id);
  }

  /** What runs goes on. */
  [Symbol.dispose](): void {
    this.#null[Symbol.dispose]();
  }
}

/** Why one has ended that nobody has yet: until then what it says is ours to read. */
async function earlyEndOf(monitor: Monitor): Promise<Error> {
  const { kind, message } = await monitor.ended;
  const said = await tailOf(monitor);
  const how = [message === "" ? kind : message, said].filter((part) => part !== "");
  return new Error(`it ended as it was started: ${how.join(": ")}`);
}

/** The last of what a monitor that has ended has written beside its guest's output. */
async function tailOf(monitor: Monitor): Promise<string> {
  let tail = "";
  for await (const bytes of readChunks(monitor.serial)) {
    tail = (tail + Buffer.from(bytes).toString()).slice(-MAX_TAIL);
  }
  return tail.trim().replace(/\s+/g, " ");
}

/** The daemon's end of a monitor's control socket, taken out of its process; undefined where that has ended. */
function controlSocketOf(
  record: MonitorRecord,
): { readonly pidfd: FileDescriptor; readonly socket: FileDescriptor } | undefined {
  using undo = new DisposableStack();
  const pidfd = openProcess(record);
  if (pidfd === undefined) {
    return undefined;
  }
  undo.use(pidfd);
  const fd = syscallRaw("pidfd_getfd", pidfd.number, VMM_FDS.daemonFd, 0);
  if (fd < 0) {
    return undefined; // it has closed it, or ended
  }
  const socket = undo.use(new FileDescriptor(fd));
  // It might be anything by now.
  if (!isPacketSocket(socket.number)) {
    return undefined;
  }
  undo.move();
  return { pidfd, socket };
}
