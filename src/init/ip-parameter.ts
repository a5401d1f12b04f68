/**
 * The kernel parameter `ip=` (Documentation/admin-guide/nfs/nfsroot.rst):
 *
 *     ip=CLIENT:SERVER:GATEWAY:NETMASK:HOSTNAME:DEVICE:AUTOCONF:DNS0:DNS1:NTP0
 *
 * Every part but the first may be empty or missing. Besides that, as dracut has it: IPv6 addresses in brackets, and a
 * prefix length in place of the netmask. SERVER and NTP0 are read and not used. Pure: it configures nothing.
 */
import { isIPv4 } from "node:net";
import { IFNAMSIZ } from "../kernel/abi/netlink.ts";
import { ipBytes, prefixFromNetmask } from "../kernel/net/ip-address.ts";

export interface StaticAddress {
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway: string | undefined;
  readonly hostname: string | undefined;
  /** Undefined: the first interface that is no loopback. */
  readonly device: string | undefined;
  readonly dns: readonly string[];
}

export class IpParameterError extends Error {
  override readonly name = "IpParameterError";
}

const MAX_CHARACTERS = 512;
const MAX_PARTS = 10;
const DEFAULT_IPV6_PREFIX = 64;
/** RFC 1123, and the kernel's limit of 64 bytes (__NEW_UTS_LEN). */
const HOSTNAME =
  /^(?=.{1,64}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/;
/** What the kernel takes for an interface's name (dev_valid_name), less what nobody uses. */
const DEVICE = /^(?!\.{1,2}$)[\x21-\x7e]+$/;
const NO_AUTOCONFIGURATION = new Set(["", "off", "none", "static"]);
const AUTOCONFIGURATION = new Set(["on", "any", "dhcp", "bootp", "rarp", "both", "dhcp6", "auto6"]);

function refuse(value: string, why: string): never {
  const shown = JSON.stringify(value.slice(0, MAX_CHARACTERS));
  throw new IpParameterError(`read the kernel parameter ip=${shown}: ${why}`);
}

/** Splits at colons that are not in brackets, and takes the brackets off. */
function partsOf(value: string): string[] {
  // With a colon of its own before the first part, all parts are alike.
  const whole = `:${value}`;
  const parts = whole.match(/:(?:\[[^\]]*\]|[^:[\]]*)/g) ?? [];
  if (parts.join("") !== whole) {
    refuse(value, "a bracket is out of place");
  }
  return parts.map((part) => part.slice(1).replace(/^\[(.*)\]$/, "$1"));
}

function addressFrom(value: string, part: string, what: string): string {
  try {
    ipBytes(part);
    return part;
  } catch {
    return refuse(value, `the ${what} ${JSON.stringify(part)} is not an IP address`);
  }
}

/** As before 1993: the kernel still derives it so where no netmask is given. */
function classfulPrefix(value: string, address: string): number {
  const [first = 0] = ipBytes(address);
  if (first >= 224) {
    refuse(value, `there is no netmask, and "${address}" is of no class that has one`);
  }
  return first < 128 ? 8 : first < 192 ? 16 : 24;
}

function prefixFrom(value: string, address: string, netmask: string): number {
  const longest = isIPv4(address) ? 32 : 128;
  if (netmask === "") {
    return longest === 32 ? classfulPrefix(value, address) : DEFAULT_IPV6_PREFIX;
  }
  if (/^\d{1,3}$/.test(netmask) && Number(netmask) <= longest) {
    return Number(netmask);
  }
  try {
    return longest === 32
      ? prefixFromNetmask(netmask)
      : refuse(value, "an IPv6 address has a prefix length");
  } catch (error) {
    if (error instanceof IpParameterError) {
      throw error;
    }
    return refuse(value, `${JSON.stringify(netmask)} is not a netmask`);
  }
}

function optional(part: string): string | undefined {
  return part === "" ? undefined : part;
}

/**
 * Reads the value of one `ip=`.
 * @returns undefined where it says that nothing is to be configured (`off`, `none`)
 * @throws {IpParameterError} naming the part that is wrong; for autoconfiguration, too, which is not there yet
 */
export function parseIpParameter(value: string): StaticAddress | undefined {
  if (value.length > MAX_CHARACTERS) {
    refuse(value, `longer than ${MAX_CHARACTERS} characters`);
  }
  if (NO_AUTOCONFIGURATION.has(value)) {
    return undefined;
  }
  const parts = partsOf(value);
  if (parts.length > MAX_PARTS) {
    refuse(value, `${parts.length} parts, more than ${MAX_PARTS}`);
  }
  const [client = "", , gateway = "", netmask = "", hostname = "", device = ""] = parts;
  const autoconf = parts.length === 1 ? value : (parts[6] ?? "");
  if (AUTOCONFIGURATION.has(autoconf)) {
    refuse(value, `"${autoconf}" is not supported; give a static address`);
  }
  if (parts.length > 1 && !NO_AUTOCONFIGURATION.has(autoconf)) {
    refuse(value, `${JSON.stringify(autoconf)} is no way of configuration`);
  }
  const address = addressFrom(value, client, "address");
  if (hostname !== "" && !HOSTNAME.test(hostname)) {
    refuse(value, `${JSON.stringify(hostname)} is not a host name`);
  }
  if (
    device !== "" &&
    (device.length >= IFNAMSIZ || !DEVICE.test(device) || device.includes("/"))
  ) {
    refuse(value, `${JSON.stringify(device)} is not the name of a device`);
  }
  if (gateway !== "") {
    const way = addressFrom(value, gateway, "gateway");
    if (isIPv4(way) !== isIPv4(address)) {
      refuse(value, "the address and the gateway are of different families");
    }
  }
  const dns = parts.slice(7, 9).filter((part) => part !== "");
  return {
    address,
    prefixLength: prefixFrom(value, address, netmask),
    gateway: optional(gateway),
    hostname: optional(hostname),
    device: optional(device),
    dns: dns.map((part) => addressFrom(value, part, "name server")),
  };
}
