/**
 * The door to the host's side of VM networks: the TAP device behind each NIC of a guest, its addresses, and the bridge
 * that it is a port of. Implemented on netlink, and in memory for tests.
 */

/** A NIC as it is asked for, with what was left out filled in. */
export interface VmNicSpec {
  /** A bridge of the host, by its name. Left out: the host alone is on the other side. */
  readonly bridge?: string;
  /** Of the guest: six bytes in hexadecimal, lower case, with colons. */
  readonly mac: string;
  readonly mtu: number;
}

/** A NIC that is there. Kept in the state of the VM, so it is data alone. */
export interface VmNic {
  /** The name of the TAP device. */
  readonly tap: string;
  /** Of the interface that leads the host to the guest: the TAP device, or the bridge that it is a port of. */
  readonly ifindex: number;
  /** The host's own address on that link, such as `fe80::1`; empty for none. */
  readonly hostAddress: string;
  /**
   * Where an auraed in the guest can be called, such as `[fe80::2%7]:8080`. Left out: at fe80::2, port 8080, by `ifindex`,
   * where the NIC leads to the host alone, since that is what an auraed that is a machine's init takes; nowhere with a
   * bridge, where every guest would have it.
   */
  readonly auraedAddress?: string;
  /** What the two ends have for IPv4, where the NIC leads to the host alone. */
  readonly ipv4?: { readonly host: string; readonly guest: string; readonly prefixLength: number };
}

export interface VmNetworks {
  /**
   * Makes the host's side of a NIC; the monitor attaches to the TAP device.
   * @param index from 0 on, within the VM
   * @throws {AuraeError} failed_precondition for a bridge that is not there; nothing is left behind then
   */
  create(id: string, index: number, nic: VmNicSpec): Promise<VmNic>;
  /** Whether what an earlier daemon made for a VM is there still, and is what it was. */
  adopt(id: string, index: number, nic: VmNic): Promise<boolean>;
  /**
   * Removes it. One that is gone is no error.
   * @param nic undefined where nobody knows whether it was made: the daemon before ended meanwhile
   */
  remove(id: string, index: number, nic: VmNic | undefined): Promise<void>;
}
