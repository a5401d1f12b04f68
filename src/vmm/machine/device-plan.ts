/**
 * Which devices a machine has, where each of them is, and which thread runs it: disks first, for their order is their
 * name in the guest.
 */
import type { MachineConfig, VsockConfig } from "../protocol/machine-config.ts";
import { type VirtioSlot, virtioSlot } from "../memory-map.ts";

export type ThreadName = "devices" | "disks";

/** What a virtio device is made of. Descriptors are the thread's from then on. */
export type DeviceSpec =
  | {
      readonly kind: "block";
      readonly fd: number;
      readonly isReadOnly: boolean;
      readonly serial: string;
    }
  | { readonly kind: "net"; readonly fd: number; readonly mac: string; readonly mtu: number }
  | {
      readonly kind: "console";
      readonly inputFd: number;
      readonly outputFd: number;
      readonly columns: number;
      readonly rows: number;
    }
  | ({ readonly kind: "vsock" } & VsockConfig)
  | { readonly kind: "entropy" }
  | { readonly kind: "balloon" };

export type DeviceKind = DeviceSpec["kind"];

/** How many queues each has; `device-plan.test.ts` holds it against the devices. */
export const QUEUE_COUNTS: Readonly<Record<DeviceKind, number>> = {
  block: 1,
  net: 2,
  console: 2,
  vsock: 3,
  entropy: 1,
  balloon: 4,
};

export interface PlannedDevice {
  /** From 0; its place is `virtioSlot(index)`. */
  readonly index: number;
  readonly slot: VirtioSlot;
  readonly thread: ThreadName;
  readonly spec: DeviceSpec;
}

export interface ConsoleFds {
  readonly inputFd: number;
  readonly outputFd: number;
}

/** @throws {MemoryMapError} on more devices than there is room for */
export function planDevices(config: MachineConfig, console: ConsoleFds): PlannedDevice[] {
  const { disks, nics, vsock, hasBalloon } = config;
  const specs: DeviceSpec[] = [
    ...disks.map((disk) => ({ kind: "block" as const, ...disk })),
    ...nics.map((nic) => ({ kind: "net" as const, ...nic })),
    { kind: "console", ...console, ...config.console },
    ...(vsock === undefined ? [] : [{ kind: "vsock" as const, ...vsock }]),
    { kind: "entropy" },
    ...(hasBalloon ? [{ kind: "balloon" as const }] : []),
  ];
  return specs.map((spec, index) => ({
    index,
    slot: virtioSlot(index),
    thread: spec.kind === "block" ? "disks" : "devices",
    spec,
  }));
}
