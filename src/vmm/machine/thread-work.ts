/**
 * What the main thread gives to the others at their start, as a message has it: numbers, text, and memory that is shared.
 * What is made in one thread and used in another (descriptors, mappings) stays the main thread's, but for the descriptors
 * of device specs.
 */
import type { VcpuHandle } from "../../kernel/kvm/vcpu.ts";
import type { MailboxMemory } from "./command-mailbox.ts";
import type { DeviceSpec } from "./device-plan.ts";
import type { LoadWork } from "./image-loading.ts";
import type { ReportsMemory } from "./reports.ts";

/** A region of the guest's memory: where it is for the guest, and where in this process. */
export interface RegionWork {
  readonly start: number;
  readonly address: number;
  readonly length: number;
}

/** One virtio device. */
export interface VirtioWork {
  readonly index: number;
  readonly spec: DeviceSpec;
  /** eventfds: the guest's notifications, one a queue; and the device's interrupt. */
  readonly notifyFds: readonly number[];
  readonly interruptFd: number;
}

/** The devices of a PC, which the first device thread has. */
export interface PlatformWork {
  readonly serialInputFd: number;
  readonly serialOutputFd: number;
  readonly serialInterruptFd: number;
  readonly buttonInterruptFd: number;
}

export interface DeviceThreadWork {
  readonly doorbellFd: number;
  readonly eventFd: number;
  readonly access: SharedArrayBuffer;
  readonly commands: MailboxMemory;
  readonly reports: ReportsMemory;
  /** A word for each virtio device of the machine, by its index. */
  readonly interruptStatus: SharedArrayBuffer;
  readonly memory: readonly RegionWork[];
  readonly virtio: readonly VirtioWork[];
  readonly platform?: PlatformWork;
}

/** A mailbox of a device thread, for who asks. */
export interface AccessWork {
  readonly memory: SharedArrayBuffer;
  readonly doorbellFd: number;
}

/** What a processor's thread gets: perhaps something to read first, and then its processor. */
export type VcpuThreadMessage = { readonly load: LoadWork } | { readonly vcpu: VcpuThreadWork };

export interface VcpuThreadWork {
  readonly handle: VcpuHandle;
  readonly eventFd: number;
  readonly reports: ReportsMemory;
  /** Behind it the guest runs. */
  readonly gate: SharedArrayBuffer;
  readonly interruptStatus: SharedArrayBuffer;
  readonly mailboxes: readonly AccessWork[];
  /** Which mailbox asks for the devices of a PC: `mailboxes[platform]`. */
  readonly platform: number;
  /** For each virtio device, in their order, which mailbox. */
  readonly virtio: readonly number[];
}

/** What the main thread tells a device thread to do. */
export type DeviceCommand =
  /** Answers once everything stands. */
  | { readonly do: "start" }
  /** For good. */
  | { readonly do: "confine" }
  | { readonly do: "pause" }
  /** Works on every queue, whatever was notified of. */
  | { readonly do: "resume" }
  | { readonly do: "save" }
  | { readonly do: "restore"; readonly state: unknown }
  | { readonly do: "resize"; readonly columns: number; readonly rows: number }
  | { readonly do: "balloon"; readonly bytes: number }
  | { readonly do: "status" }
  /** Ends the thread, with what it holds of output written. */
  | { readonly do: "quit" };

export interface DeviceStatus {
  readonly balloonBytes?: number;
}
