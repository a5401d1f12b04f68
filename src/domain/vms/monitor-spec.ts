/** From what a virtual machine is to be to what its monitor is asked for. */
import type { MonitorSpec } from "./monitors.ts";
import type { VmNic } from "./networks.ts";
import type { GuestSite } from "./sites.ts";
import { driveDevice, MIB, type VmSpec } from "./vm-spec.ts";

/**
 * What the monitor may have beside the guest's memory: itself, and what the kernel keeps for the guest's page tables and
 * its devices, which grows with the guest.
 */
const OVERHEAD_BYTES = 64 * MIB;
const OVERHEAD_SHARE = 1 / 64;

/** A snapshot's two files. */
export interface SnapshotFiles {
  readonly statePath: string;
  readonly memoryPath: string;
}

/** @param nics the host's sides of its NICs */
export function guestSite(
  spec: VmSpec,
  nics: readonly (VmNic | undefined)[],
  life: string,
): GuestSite {
  return {
    mounts: spec.drives.flatMap(({ mountPath, fsType, isReadOnly }, index) =>
      mountPath === "" ? [] : [{ device: driveDevice(index), path: mountPath, fsType, isReadOnly }],
    ),
    nics: spec.nics.map((nic, index) => {
      const ipv4 = nics[index]?.ipv4;
      return ipv4 === undefined ? nic : { ...nic, ipv4 };
    }),
    life,
  };
}

export function monitorSpec(
  spec: VmSpec,
  nics: readonly VmNic[],
  site: Uint8Array | undefined,
  restore: SnapshotFiles | undefined,
): MonitorSpec {
  const memoryBytes = spec.memoryMb * MIB;
  return {
    id: spec.id,
    vcpus: spec.vcpus,
    memoryBytes,
    kernelPath: spec.kernelPath,
    initrdPaths: spec.initrdPaths,
    ...(site === undefined ? {} : { initrdExtra: site }),
    commandLine: spec.kernelArgs.join(" "),
    drives: spec.drives.map(({ path, isReadOnly }, index) => ({
      path,
      isReadOnly,
      // At most 20 bytes (virtio 1.2, 5.2.6, VIRTIO_BLK_T_GET_ID).
      serial: `aurae-${index}`,
    })),
    nics: spec.nics.flatMap(({ mac, mtu }, index) => {
      const tap = nics[index]?.tap;
      return tap === undefined ? [] : [{ tap, mac, mtu }];
    }),
    vsockCid: spec.vsockCid,
    limits: { memoryOverheadBytes: OVERHEAD_BYTES + Math.ceil(memoryBytes * OVERHEAD_SHARE) },
    ...(restore === undefined ? {} : { restore }),
    consoleSize: spec.console,
  };
}
