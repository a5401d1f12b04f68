/** What a virtual machine is to be. Defaults are filled in already: nothing here is to be guessed later. */
import type { ConsoleSize } from "./monitors.ts";
import type { VmNicSpec } from "./networks.ts";
import type { VmId } from "./vm-id.ts";

export const MIB = 1024 * 1024;

/** Of the 17 virtio devices of a machine, console, entropy, balloon and vsock are always there. */
export const DRIVES_AND_NICS_MAX = 13;
/** Documentation/arch/x86/boot.rst, cmdline_size; with the NUL behind it. */
export const COMMAND_LINE_MAX_BYTES = 2_047;
/** The ids below are the hypervisor's, the loopback's and the host's (vsock(7)). */
export const VSOCK_CID_MIN = 3;
export const DEFAULT_CONSOLE: ConsoleSize = { columns: 80, rows: 24 };
export const DEFAULT_MTU = 1_500;

export interface VmDrive {
  /** Absolute, on the host. */
  readonly path: string;
  readonly isReadOnly: boolean;
  /** Where the guest mounts it, if it is one of those that run auraed; empty for nowhere. */
  readonly mountPath: string;
  /** Empty: the guest finds out. */
  readonly fsType: string;
}

export interface VmSpec {
  readonly id: VmId;
  readonly memoryMb: number;
  readonly vcpus: number;
  readonly kernelPath: string;
  readonly kernelArgs: readonly string[];
  readonly initrdPaths: readonly string[];
  /** Whether the first of the drives is the root drive. */
  readonly hasRootDrive: boolean;
  /** /dev/vda and so on, in this order. */
  readonly drives: readonly VmDrive[];
  readonly nics: readonly VmNicSpec[];
  readonly vsockCid: number;
  /** What the guest is to give back. */
  readonly balloonMb: number;
  readonly console: ConsoleSize;
  /** Where an auraed in the guest answers; empty: it follows from the first NIC. */
  readonly auraedAddress: string;
  /** Of the output of each port; undefined for the default. */
  readonly outputMaxBytes: number | undefined;
}

/** A NIC whose MAC address may still be left to us. */
export type AskedNic = Omit<VmNicSpec, "mac"> & { readonly mac: string | undefined };

/** As it is asked for: what only the host can say may be left out. */
export type AskedVm = Omit<VmSpec, "nics" | "vsockCid"> & {
  readonly nics: readonly AskedNic[];
  readonly vsockCid: number | undefined;
};

/** `/dev/vda` for the first one, `/dev/vdb` for the second. */
export function driveDevice(index: number): string {
  return `/dev/vd${String.fromCharCode("a".charCodeAt(0) + index)}`;
}

/** What is wrong with a balloon, if anything. */
export function balloonFault(balloonMb: number, memoryMb: number): string | undefined {
  return balloonMb < memoryMb
    ? undefined
    : `must be less than the machine's memory of ${memoryMb} MiB, which the guest could not do without`;
}
