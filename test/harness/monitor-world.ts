/** Monitors of the real kernel, in a folder of their own, with guests of a few instructions; all of it goes at the end. */
import { readChunks } from "../../src/domain/executables/read-chunks.ts";
import { randomUUID } from "node:crypto";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "../../build/paths.ts";
import type { Monitor, MonitorSpec } from "../../src/domain/vms/monitors.ts";
import { DEFAULT_CONSOLE } from "../../src/domain/vms/vm-spec.ts";
import { CgroupFs } from "../../src/kernel/cgroup/cgroup-fs.ts";
import { findCgroup2 } from "../../src/kernel/cgroup/mount-point.ts";
import { FileAccounts } from "../../src/kernel/process/file-accounts.ts";
import { KernelProcesses } from "../../src/kernel/process/kernel-processes.ts";
import { KernelMonitors, type KernelMonitorsOptions } from "../../src/monitor/kernel-monitors.ts";
import { PT_LOAD, PT_NOTE } from "../../src/vmm/boot/elf-headers.ts";
import { elfFile, elfNote, MIB } from "./boot-images.ts";
import { missingForCgroups, missingForKvm } from "./host.ts";

/** Why monitors can't be tried here; undefined where they can. */
export const missingForMonitors = missingForCgroups() ?? missingForKvm();

const ADDRESS = 2 * MIB;
/** mov $0x3f8, %edx: the serial port */
const TO_SERIAL = [0xba, 0xf8, 0x03, 0, 0];
/** hlt; jmp -3 */
const SLEEP = [0xf4, 0xeb, 0xfd];
/** mov $0x600, %dx; mov $0x34, %al; out */
const TURN_OFF = [0x66, 0xba, 0x00, 0x06, 0xb0, 0x34, 0xee];

const say = (text: string): number[] => [
  ...TO_SERIAL,
  ...[...Buffer.from(text)].flatMap((byte) => [0xb0, byte, 0xee]),
];

/** A PVH kernel of this code. */
function kernelOf(code: readonly number[]): Uint8Array {
  const entry = new Uint8Array(8);
  new DataView(entry.buffer).setUint32(0, ADDRESS, true);
  const note = { type: PT_NOTE, physicalAddress: 0, bytes: elfNote("Xen", 18, entry) };
  const load = { type: PT_LOAD, physicalAddress: ADDRESS, bytes: new Uint8Array(code) };
  return elfFile(ADDRESS, [load, note]);
}

/** A guest that says "hi" on its serial port, and sleeps. */
export const sleepingKernel = (): Uint8Array => kernelOf([...say("hi"), ...SLEEP]);
/** A guest that says "bye" on its serial port, and turns itself off. */
export const endingKernel = (): Uint8Array => kernelOf([...say("bye"), ...TURN_OFF, ...SLEEP]);

export class MonitorWorld implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "auraed-vm-"));
  readonly cgroups = new CgroupFs(findCgroup2());
  readonly processes = new KernelProcesses();
  readonly monitors: KernelMonitors;
  readonly #made: Monitor[] = [];
  readonly #ids = new Set<string>();

  /** @param program in place of the monitor */
  constructor(program?: KernelMonitorsOptions["program"]) {
    this.monitors = this.another(program);
    writeFileSync(this.path("sleeps"), sleepingKernel());
    writeFileSync(this.path("ends"), endingKernel());
    writeFileSync(this.path("text"), "no kernel\n".repeat(1000));
    for (const name of ["disk", "disk2"]) {
      writeFileSync(this.path(name), "");
      truncateSync(this.path(name), MIB);
    }
  }

  /** A further daemon's monitors, as after a restart. */
  another(
    program: KernelMonitorsOptions["program"] = { path: EXECUTABLE, args: ["vmm"] },
    processes: KernelMonitorsOptions["processes"] = this.processes,
  ): KernelMonitors {
    return new KernelMonitors({
      cgroups: this.cgroups,
      processes,
      accounts: new FileAccounts(),
      runtimeDir: this.folder,
      program,
    });
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Of the last machine that was described. */
  get lastId(): string {
    return [...this.#ids].at(-1)!;
  }

  /** A machine with a guest that says "hi" and sleeps. */
  spec(change: Partial<MonitorSpec> = {}): MonitorSpec {
    const id = `test-${randomUUID()}`;
    this.#ids.add(change.id ?? id);
    return {
      ...{ id, vcpus: 1, memoryBytes: 32 * MIB, kernelPath: this.path("sleeps") },
      ...{ initrdPaths: [], commandLine: "", drives: [], nics: [] },
      limits: { memoryOverheadBytes: 64 * MIB },
      consoleSize: DEFAULT_CONSOLE,
      ...change,
    };
  }

  async create(change: Partial<MonitorSpec> = {}): Promise<Monitor> {
    const monitor = await this.monitors.create(this.spec(change));
    this.#made.push(monitor);
    return monitor;
  }

  /** What an attempt failed with. */
  async failure(change: Partial<MonitorSpec>): Promise<string> {
    try {
      await this.create(change);
      return "none";
    } catch (error) {
      return (error as Error).message.replaceAll(this.folder, "");
    }
  }

  /** What is left of machines: their groups and folders. */
  leftovers(): string[] {
    return [...this.#ids].filter(
      (id) => existsSync(this.path(`vms/${id}`)) || this.cgroups.exists(`_vms/${id}`),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const monitor of this.#made) {
      await monitor.kill();
      await Promise.all([monitor.console.close(), monitor.serial.close()]);
    }
    for (const id of this.#ids) {
      await this.monitors.clear(id);
    }
    this.monitors[Symbol.dispose]();
    this.processes[Symbol.dispose]();
    rmSync(this.folder, { recursive: true });
  }
}

/** Reads an output until it has this text. */
export async function readUntil(monitor: Monitor, text: string): Promise<string> {
  let all = "";
  for await (const bytes of readChunks(monitor.serial)) {
    all += Buffer.from(bytes).toString();
    if (all.includes(text)) {
      break;
    }
  }
  return all;
}

/** A field of /proc/PID/status. */
export function statusField(pid: number, name: string): string | undefined {
  return new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(
    readFileSync(`/proc/${pid}/status`, "utf8"),
  )?.[1];
}
