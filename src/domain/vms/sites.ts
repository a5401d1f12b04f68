/**
 * The door to what a guest that runs auraed is given: an archive behind its own initrds with its identity, its mounts and
 * its network. Implemented by whoever knows auraed's own files; for tests, in memory.
 */
import type { VmNic, VmNicSpec } from "./networks.ts";

/** A drive that is to be mounted. */
export interface GuestMount {
  /** The block device in the guest, such as `/dev/vdb`. */
  readonly device: string;
  /** An absolute path in the guest. */
  readonly path: string;
  /** Empty: the guest finds out. */
  readonly fsType: string;
  readonly isReadOnly: boolean;
}

export interface GuestSite {
  readonly mounts: readonly GuestMount[];
  readonly nics: readonly (VmNicSpec & Pick<VmNic, "ipv4">)[];
  /** Which life of the machine it is: 32 hexadecimal digits, others at each start and each restore. */
  readonly life: string;
}

export interface VmSites {
  /**
   * Asked before each boot of a VM that has an initrd.
   * @param id also the guest's host name
   * @returns a cpio archive, or undefined where the guest gets nothing of us
   * @throws {AuraeError} naming what is in the way
   */
  siteFor(id: string, site: GuestSite): Uint8Array | undefined | Promise<Uint8Array | undefined>;
}
