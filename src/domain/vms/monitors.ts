/**
 * The door to virtual machine monitors: one process a VM, which runs its guest. Implemented by `src/monitor`, and in
 * memory for tests. What is asked of a monitor is asked of its process, never remembered.
 */
import type { OutputPipe } from "../../kernel/process/processes.ts";

/** The size of the console, in characters. */
export interface ConsoleSize {
  readonly columns: number;
  readonly rows: number;
}

export interface MonitorSpec {
  readonly id: string;
  /** 1 to 32. */
  readonly vcpus: number;
  readonly memoryBytes: number;
  /** Files of the host, by absolute paths. Not used with `restore`. */
  readonly kernelPath: string;
  /** cpio archives, joined one after the other. */
  readonly initrdPaths: readonly string[];
  /** One more archive, behind the others: the site that was made for this VM. */
  readonly initrdExtra?: Uint8Array;
  readonly commandLine: string;
  /** Raw images: /dev/vda, /dev/vdb and so on in the guest, in this order. */
  readonly drives: readonly {
    readonly path: string;
    readonly isReadOnly: boolean;
    readonly serial: string;
  }[];
  /** TAP devices, which are there already. */
  readonly nics: readonly { readonly tap: string; readonly mac: string; readonly mtu: number }[];
  /** Its socket on the host is `<runtime-dir>/vms/<id>/vsock.sock`. Left out: no vsock. */
  readonly vsockCid?: number;
  /** What the monitor itself may have: the control group's memory.max is memoryBytes and this. */
  readonly limits: { readonly memoryOverheadBytes: number };
  /** A snapshot to go on from, in place of a boot. */
  readonly restore?: { readonly statePath: string; readonly memoryPath: string };
  readonly consoleSize: ConsoleSize;
}

/** How a VM ended. `off`, `reset`: the guest asked for it. `crash`: the guest's fault. `failed`: ours or KVM's. */
export type MonitorEnd = {
  readonly kind: "off" | "reset" | "crash" | "failed" | "killed" | "unknown";
  /** For people; may be empty. */
  readonly message: string;
};

export interface MonitorStatus {
  readonly state: "created" | "running" | "paused" | "ended";
  /** What the guest has given back by its balloon, as far as it has. */
  readonly balloonBytes?: number;
}

/** What finds a monitor again after the daemon was away. */
export interface MonitorRecord {
  readonly pid: number;
  /** Clock ticks since the boot, as in /proc/pid/stat. */
  readonly startTime: bigint;
  readonly stdoutInode: bigint;
  readonly stderrInode: bigint;
  readonly uid: number;
}

/**
 * One that was made. What its process refuses, or can't do since it is gone, rejects with an {@link AuraeError}, and so does
 * what it does not answer in time.
 */
export interface Monitor {
  readonly record: MonitorRecord;
  /** hvc0 in the guest. */
  readonly console: OutputPipe;
  /** ttyS0 in the guest, and what the monitor itself has to say when it crashes. */
  readonly serial: OutputPipe;
  /** Never rejects. The process is gone, and its control group empty. */
  readonly ended: Promise<MonitorEnd>;
  status(): Promise<MonitorStatus>;
  /** Starts the guest, or lets it go on after `pause`. */
  run(): Promise<void>;
  pause(): Promise<void>;
  /** ACPI's: what the guest does about it is its own business. */
  pressPowerButton(): Promise<void>;
  /** @returns how many of the bytes were taken; perhaps none, as long as the guest does not read */
  input(to: "console" | "serial", bytes: Uint8Array): Promise<number>;
  resize(columns: number, rows: number): Promise<void>;
  /** How much of its memory the guest is to give back. */
  setBalloon(bytes: number): Promise<void>;
  /** Only while paused. Makes both files; version and checksum of what is in them are the monitor's own. */
  snapshot(statePath: string, memoryPath: string): Promise<{ readonly writtenBytes: number }>;
  /** SIGKILL to all of it. Resolves when all of it is gone. */
  kill(): Promise<void>;
}

export interface Monitors {
  /** Why no VM can run here, with the remedy, such as no /dev/kvm. */
  readonly problem: string | undefined;
  /**
   * Makes a monitor with everything opened and loaded, whose guest does not run yet.
   * @throws {AuraeError} naming what is wrong: a kernel that is none, a missing disk, memory beyond the host's, a busy
   * kvm. Nothing is left behind then.
   */
  create(spec: MonitorSpec): Promise<Monitor>;
  /** @returns undefined for one that has ended meanwhile; what is left of it is removed then */
  adopt(id: string, record: MonitorRecord): Promise<Monitor | undefined>;
  /**
   * Ends and removes whatever is left under an id of a monitor that nobody was told of, since the daemon before ended as it
   * was being made. Nothing there is no error.
   */
  clear(id: string): Promise<void>;
}
