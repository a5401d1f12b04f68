/** The devices of one NIC on the host: makes the TAP device and its bridge, and removes what carries our words. */
import { AuraeError } from "../../base/errors.ts";
import { isErrno } from "../sys/error.ts";
import { hasIpv6, setDeviceSettings } from "./device-settings.ts";
import type { Interface, Interfaces } from "./interfaces.ts";
import { ipText } from "./ip-address.ts";
import { freePair, PAIR_PREFIX_LENGTH, PAIR_RANGE } from "./ipv4-pairs.ts";
import { isInterfaceName, type Links } from "./links.ts";
import { macBytes } from "./mac-bytes.ts";
import { openTap } from "./tap.ts";
import type { Nic, NicRequest } from "./vm-networks.ts";

/** The network namespace, to look at and to change. */
export interface HostNetwork {
  readonly interfaces: Interfaces;
  readonly links: Links;
}

/** The original's names for TAP devices. */
const TAP_PREFIX = "auraed-";
const TAP_SUFFIX_LETTERS = 6;
const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";
/** Bridges of such names are made by the first NIC on them, and removed after the last. */
const OWN_BRIDGE_PREFIX = "aurae-";
const OWN_BRIDGE_ALIAS = "auraed:bridge";
const HOST_ADDRESS = "fe80::1";
const LINK_LOCAL = "fe80:";
const LINK_LOCAL_PREFIX_LENGTH = 64;
const API_PORT = 8080;
/** Below it a device has no IPv6 (RFC 8200, 5). */
const MIN_IPV6_MTU = 1280;

/** Nothing that a guest sends changes how the host sends. */
const WARY_IPV4 = { accept_redirects: "0", accept_source_route: "0" };
const WARY_IPV6 = { accept_ra: "0", accept_redirects: "0", autoconf: "0" };

/**
 * The hardware address of the TAP device itself. A bridge takes the lowest of its ports', so it is a high one; and it is
 * never the guest's.
 */
function hostMac(guest: Uint8Array): Uint8Array {
  const mac = Uint8Array.from(guest);
  mac[0] = guest[0] === 0xfe ? 0xfa : 0xfe;
  return mac;
}

/** The link-local address that a guest's kernel makes of its hardware address (RFC 4291, appendix A). */
function linkLocalFrom(mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = macBytes(mac);
  return ipText(Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f));
}

function randomName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(TAP_SUFFIX_LETTERS));
  return TAP_PREFIX + Array.from(bytes, (byte) => LETTERS[byte % LETTERS.length]).join("");
}

/** A name that no device has: opening the TAP device of a name that is there would attach to it. */
function unusedName(interfaces: Interfaces): string {
  const taken = new Set(interfaces.list().map(({ name }) => name));
  for (;;) {
    const name = randomName();
    if (!taken.has(name)) {
      return name;
    }
  }
}

function find(interfaces: Interfaces, name: string): Interface | undefined {
  return interfaces.list().find((candidate) => candidate.name === name);
}

export function isOwnBridge({ kind, alias }: Interface): boolean {
  return kind === "bridge" && alias === OWN_BRIDGE_ALIAS;
}

function makeBridge({ interfaces, links }: HostNetwork, name: string): Interface {
  links.createBridge(name);
  const made = find(interfaces, name);
  if (made === undefined) {
    throw new AuraeError("failed_precondition", `bridge "${name}" was removed as it was made`);
  }
  try {
    links.change(made.index, { alias: OWN_BRIDGE_ALIAS });
    setDeviceSettings("ipv4", name, WARY_IPV4);
    if (hasIpv6()) {
      setDeviceSettings("ipv6", name, { ...WARY_IPV6, disable_ipv6: "0" });
      links.change(made.index, { hasNoOwnAddress: true });
      // All ports share one link, and no guest takes it: theirs is made of their hardware address, or is fe80::2.
      interfaces.addAddress(made.index, HOST_ADDRESS, LINK_LOCAL_PREFIX_LENGTH, { isSure: true });
    }
    links.change(made.index, { isUp: true });
  } catch (error) {
    links.remove(made.index);
    throw error;
  }
  return { ...made, alias: OWN_BRIDGE_ALIAS };
}

/** The bridge of a name, made if it is one that we make. @throws {AuraeError} failed_precondition */
export function bridgeFor(host: HostNetwork, name: string): Interface {
  if (!isInterfaceName(name)) {
    throw new AuraeError(
      "invalid_argument",
      `${JSON.stringify(name)} can't be a bridge: names have up to 15 bytes, no blanks, "/" and ":"`,
    );
  }
  const found = find(host.interfaces, name);
  if (found === undefined && name.startsWith(OWN_BRIDGE_PREFIX)) {
    return makeBridge(host, name);
  }
  if (found === undefined) {
    throw new AuraeError(
      "failed_precondition",
      `there is no bridge "${name}"; make it with "ip link add ${name} type bridge", or take a name that starts with "${OWN_BRIDGE_PREFIX}", which is made for you`,
    );
  }
  if (found.kind !== "bridge") {
    const kind = found.kind === "" ? "" : ` but a device of kind "${found.kind}"`;
    throw new AuraeError("failed_precondition", `"${name}" is no bridge${kind}; take another`);
  }
  return found;
}

/** What the host has and reaches, by which a pair of addresses is chosen. */
function pairFor(interfaces: Interfaces): NonNullable<Nic["ipv4"]> {
  const pair = freePair([...interfaces.addresses(), ...interfaces.routes()]);
  if (pair === undefined) {
    const { address, prefixLength } = PAIR_RANGE;
    throw new AuraeError(
      "failed_precondition",
      `the addresses for guests, ${address}/${prefixLength}, are all in use on this host, or routed elsewhere; free some, or put the NIC on a bridge`,
    );
  }
  return { ...pair, prefixLength: PAIR_PREFIX_LENGTH };
}

function addressOn(interfaces: Interfaces, index: number): string {
  const own = interfaces.addresses().filter((address) => address.index === index);
  return own.find(({ address }) => address.startsWith(LINK_LOCAL))?.address ?? "";
}

/** A device on its own: the host alone is on the other side. */
function setUpAlone(
  { interfaces, links }: HostNetwork,
  index: number,
  tap: string,
  mtu: number,
): Nic {
  const withIpv6 = hasIpv6() && mtu >= MIN_IPV6_MTU;
  if (withIpv6) {
    setDeviceSettings("ipv6", tap, { ...WARY_IPV6, disable_ipv6: "0" });
    links.change(index, { hasNoOwnAddress: true });
    interfaces.addAddress(index, HOST_ADDRESS, LINK_LOCAL_PREFIX_LENGTH, { isSure: true });
  }
  const ipv4 = pairFor(interfaces);
  interfaces.addAddress(index, ipv4.host, ipv4.prefixLength);
  links.change(index, { isUp: true });
  return { tap, ifindex: index, hostAddress: withIpv6 ? HOST_ADDRESS : "", ipv4 };
}

/** A port of a bridge: the host is reached by the bridge, if it has an address there. */
function setUpPort(
  { interfaces, links }: HostNetwork,
  index: number,
  tap: string,
  mac: string,
  bridge: Interface,
): Nic {
  if (hasIpv6() && bridge.mtu >= MIN_IPV6_MTU) {
    setDeviceSettings("ipv6", tap, { disable_ipv6: "1" });
  }
  links.change(index, { master: bridge.index });
  links.change(index, { isUp: true });
  return {
    tap,
    ifindex: bridge.index,
    hostAddress: addressOn(interfaces, bridge.index),
    // Of several ports only one could have fe80::2.
    auraedAddress: `[${linkLocalFrom(mac)}%${bridge.index}]:${API_PORT}`,
  };
}

/**
 * Makes the TAP device of a NIC, ready for who attaches to it. What is half made when this fails has the alias, so that
 * `removeTaps` finds it, but for a device that could not be given one, which is gone again.
 * @throws {SyscallError | AuraeError}
 */
export function makeTap(
  host: HostNetwork,
  alias: string,
  nic: NicRequest,
  bridge: Interface | undefined,
): Nic {
  const { interfaces, links } = host;
  const mac = macBytes(nic.mac);
  const name = unusedName(interfaces);
  // Until it is made to stay, it goes with its descriptor.
  using tap = openTap(name);
  const made = find(interfaces, name);
  if (made === undefined) {
    throw new AuraeError("failed_precondition", `TAP device "${name}" was removed as it was made`);
  }
  const { index } = made;
  links.change(index, { alias, mac: hostMac(mac), mtu: nic.mtu });
  setDeviceSettings("ipv4", name, WARY_IPV4);
  const done =
    bridge === undefined
      ? setUpAlone(host, index, name, nic.mtu)
      : setUpPort(host, index, name, nic.mac, bridge);
  tap.persist();
  return done;
}

/** Removes every device with an alias. @returns the indexes of the bridges that they were ports of */
export function removeTaps({ interfaces, links }: HostNetwork, alias: string): number[] {
  const bridges = new Set<number>();
  for (const device of interfaces.list().filter((candidate) => candidate.alias === alias)) {
    if (device.master !== 0) {
      bridges.add(device.master);
    }
    removeIfThere(links, device.index);
  }
  return [...bridges];
}

/** Removes a bridge that was made by us and has no ports any more. */
export function removeUnusedBridge({ interfaces, links }: HostNetwork, index: number): void {
  const all = interfaces.list();
  const bridge = all.find((candidate) => candidate.index === index);
  const isUsed = all.some(({ master }) => master === index);
  if (bridge !== undefined && isOwnBridge(bridge) && !isUsed) {
    removeIfThere(links, index);
  }
}

function removeIfThere(links: Links, index: number): void {
  try {
    links.remove(index);
  } catch (error) {
    if (!isErrno(error, "ENODEV")) {
      throw error;
    }
  }
}
