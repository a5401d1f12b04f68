/**
 * The host's side of virtual machines' NICs: a persistent TAP device for each, on its own or as a port of a bridge. What
 * it makes carries words of ours, so that it is found again, and so that nothing of somebody else's is ever removed.
 *
 * A device on its own has fe80::1, and its guest fe80::2, as the original's has it; and a pair of IPv4 addresses. Devices
 * have no owner: only who may do everything to the network attaches to one, and hands the descriptor on.
 */
import { createHash } from "node:crypto";
import { AuraeError, messageOf } from "../../base/errors.ts";
import { isErrno } from "../sys/error.ts";
import { Interfaces } from "./interfaces.ts";
import { Links } from "./links.ts";
import { bridgeFor, isOwnBridge, makeTap, removeTaps, removeUnusedBridge } from "./vm-links.ts";

export interface NicRequest {
  /** A bridge of the host. One whose name starts with `aurae-` is made when it is not there. */
  readonly bridge?: string;
  /** The guest's, six bytes in hexadecimal with colons. */
  readonly mac: string;
  readonly mtu: number;
}

export interface Nic {
  readonly tap: string;
  /** Of the device by which the host reaches the guest: the TAP device, or its bridge. */
  readonly ifindex: number;
  /** The host's own link-local address there; empty for none. */
  readonly hostAddress: string;
  /** Where auraed in the guest answers, when that is not fe80::2 by `ifindex`. */
  readonly auraedAddress?: string;
  /** What the two ends have for IPv4; not on a bridge, whose network is not ours. */
  readonly ipv4?: { readonly host: string; readonly guest: string; readonly prefixLength: number };
}

/** IFALIASZ is 256, with a NUL (linux/if.h). */
const MAX_ALIAS_BYTES = 255;
const OWNER_DIGITS = 16;

function failed(what: string, error: unknown): AuraeError {
  if (error instanceof AuraeError) {
    return error;
  }
  const why = isErrno(error, "EPERM", "EACCES")
    ? `${messageOf(error)}; the daemon needs CAP_NET_ADMIN, and root's /dev/net/tun`
    : isErrno(error, "ENOENT", "ENODEV", "ENXIO")
      ? `${messageOf(error)}; this kernel has no TAP devices: load its module "tun"`
      : messageOf(error);
  return new AuraeError("failed_precondition", `${what}: ${why}`, { cause: error });
}

export class KernelVmNetworks {
  readonly #owner: string;

  /** @param owner what tells this daemon from others on the machine, such as its library directory */
  constructor(owner: string) {
    this.#owner = createHash("sha256").update(owner).digest("hex").slice(0, OWNER_DIGITS);
  }

  /**
   * Makes the host's side of a NIC.
   * @param index from 0 on, within the VM
   * @throws {AuraeError} failed_precondition; nothing is left behind then
   */
  async create(id: string, index: number, nic: NicRequest): Promise<Nic> {
    using interfaces = new Interfaces();
    using links = new Links();
    const host = { interfaces, links };
    const what = `make NIC ${index} of VM "${id}"`;
    try {
      const alias = this.#aliasOf(id, index);
      // Of a create that the daemon did not live to see the end of.
      removeTaps(host, alias);
      const bridge = nic.bridge === undefined ? undefined : bridgeFor(host, nic.bridge);
      try {
        if (bridge !== undefined && bridge.mtu !== nic.mtu && !isOwnBridge(bridge)) {
          // A bridge of which nobody has set the MTU takes the smallest of its ports'.
          throw new AuraeError(
            "failed_precondition",
            `${what}: bridge "${bridge.name}" has an MTU of ${bridge.mtu}, and the NIC one of ${nic.mtu}: give it the bridge's`,
          );
        }
        return makeTap(host, alias, nic, bridge);
      } catch (error) {
        removeTaps(host, alias);
        removeUnusedBridge(host, bridge?.index ?? 0);
        throw error;
      }
    } catch (error) {
      throw failed(what, error);
    }
  }

  /** Whether what was made for a VM is there still, and is what it was. */
  async adopt(id: string, index: number, nic: Nic): Promise<boolean> {
    using interfaces = new Interfaces();
    const tap = interfaces.list().find(({ name }) => name === nic.tap);
    if (tap === undefined || tap.alias !== this.#aliasOf(id, index)) {
      return false;
    }
    return nic.ifindex === (tap.master === 0 ? tap.index : tap.master);
  }

  /** Removes it; one that is gone is no error. */
  async remove(id: string, index: number): Promise<void> {
    using interfaces = new Interfaces();
    using links = new Links();
    const host = { interfaces, links };
    try {
      for (const bridge of removeTaps(host, this.#aliasOf(id, index))) {
        removeUnusedBridge(host, bridge);
      }
    } catch (error) {
      throw failed(`remove NIC ${index} of VM "${id}"`, error);
    }
  }

  #aliasOf(id: string, index: number): string {
    const alias = `auraed:${this.#owner}:${id}:${index}`;
    if (Buffer.byteLength(alias) > MAX_ALIAS_BYTES) {
      throw new AuraeError(
        "invalid_argument",
        `the id of a VM with NICs has at most ${MAX_ALIAS_BYTES - Buffer.byteLength(alias) + Buffer.byteLength(id)} bytes`,
      );
    }
    return alias;
  }
}
