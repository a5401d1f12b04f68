/** Network interfaces of this network namespace: which there are, and their addresses and routes (rtnetlink(7)). */
import {
  AF_INET,
  AF_INET6,
  IFA_ADDRESS,
  IFA_F_NODAD,
  IFA_FLAGS,
  IFA_LOCAL,
  IFADDRMSG,
  IFF_LOOPBACK,
  IFF_LOWER_UP,
  IFF_UP,
  IFINFOMSG,
  IFLA_ADDRESS,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  NLM_F_CREATE,
  NLM_F_EXCL,
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  RTA_DST,
  RTA_GATEWAY,
  RTA_OIF,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWROUTE,
  RTMGRP_LINK,
  RTMSG,
  RTN_UNICAST,
  RTPROT_STATIC,
} from "../abi/netlink.ts";
import { isErrno } from "../sys/error.ts";
import { ipBytes, ipText } from "./ip-address.ts";
import { decodeAttributes, type NetlinkMessage } from "./netlink-message.ts";
import { NetlinkSocket } from "./netlink-socket.ts";

export interface Interface {
  readonly index: number;
  readonly name: string;
  readonly isUp: boolean;
  readonly isLoopback: boolean;
  /** Whether the driver sees a carrier. */
  readonly hasCarrier: boolean;
  /** What an administrator, or we, wrote on it; empty for nothing. */
  readonly alias: string;
  /** `bridge`, `tun`; empty for a card. */
  readonly kind: string;
  /** The index of the bridge that it is a port of; 0 for none. */
  readonly master: number;
  readonly mtu: number;
  /** The hardware's address, bytes in hexadecimal, lower case, with colons; empty for none. */
  readonly mac: string;
}

export interface InterfaceAddress {
  readonly index: number;
  readonly address: string;
  readonly prefixLength: number;
}

const familyOf = (bytes: Uint8Array): number => (bytes.length === 4 ? AF_INET : AF_INET6);

/** The value of an attribute that is a number of 32 bits. */
export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

const textOf = (value: Uint8Array | undefined): string =>
  Buffer.from(value ?? [])
    .toString()
    .replace(/\0.*$/s, "");

const numberOf = (value: Uint8Array | undefined): number =>
  value?.length === 4 ? viewOf(value).getUint32(0, true) : 0;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** What a RTM_NEWLINK message says. */
export function interfaceFrom({ payload }: NetlinkMessage): Interface {
  const view = viewOf(payload);
  const flags = IFINFOMSG.read(view, "ifi_flags");
  const attributes = decodeAttributes(payload, IFINFOMSG.size);
  const attribute = (wanted: number) => attributes.find(({ type }) => type === wanted)?.value;
  const info = decodeAttributes(attribute(IFLA_LINKINFO) ?? new Uint8Array(0), 0);
  return {
    index: IFINFOMSG.read(view, "ifi_index"),
    name: textOf(attribute(IFLA_IFNAME)),
    isUp: (flags & IFF_UP) !== 0,
    isLoopback: (flags & IFF_LOOPBACK) !== 0,
    hasCarrier: (flags & IFF_LOWER_UP) !== 0,
    alias: textOf(attribute(IFLA_IFALIAS)),
    kind: textOf(info.find(({ type }) => type === IFLA_INFO_KIND)?.value),
    master: numberOf(attribute(IFLA_MASTER)),
    mtu: numberOf(attribute(IFLA_MTU)),
    mac: Array.from(attribute(IFLA_ADDRESS) ?? [], (byte) =>
      byte.toString(16).padStart(2, "0"),
    ).join(":"),
  };
}

export interface RoutePrefix {
  readonly address: string;
  readonly prefixLength: number;
}

/** One default route: to everywhere, by a gateway, out of an interface. */
export interface DefaultRoute {
  readonly gateway: string;
  readonly index: number;
}

export class Interfaces implements Disposable {
  readonly #socket = new NetlinkSocket();

  list(): Interface[] {
    const payload = new DataView(new ArrayBuffer(IFINFOMSG.size));
    const messages = this.#socket.dump({ name: "list interfaces", type: RTM_GETLINK, payload });
    return messages.filter(({ type }) => type === RTM_NEWLINK).map(interfaceFrom);
  }

  addresses(): InterfaceAddress[] {
    const payload = new DataView(new ArrayBuffer(IFADDRMSG.size));
    const messages = this.#socket.dump({ name: "list addresses", type: RTM_GETADDR, payload });
    return messages.flatMap(({ type, payload: found }) => {
      const attributes = type === RTM_NEWADDR ? decodeAttributes(found, IFADDRMSG.size) : [];
      // The peer of a point-to-point link is IFA_ADDRESS, and our own address IFA_LOCAL; IPv6 has the former only.
      const address =
        attributes.find((it) => it.type === IFA_LOCAL) ??
        attributes.find((it) => it.type === IFA_ADDRESS);
      if (address === undefined) {
        return [];
      }
      return {
        index: IFADDRMSG.read(viewOf(found), "ifa_index"),
        address: ipText(address.value),
        prefixLength: IFADDRMSG.read(viewOf(found), "ifa_prefixlen"),
      };
    });
  }

  /** What routes lead to, in every table, as prefixes; default routes are none. */
  routes(): RoutePrefix[] {
    const payload = new DataView(new ArrayBuffer(RTMSG.size));
    const messages = this.#socket.dump({ name: "list routes", type: RTM_GETROUTE, payload });
    return messages.flatMap(({ type, payload: found }) => {
      const family = type === RTM_NEWROUTE ? RTMSG.read(viewOf(found), "rtm_family") : 0;
      const isIp = family === AF_INET || family === AF_INET6;
      const prefixLength = isIp ? RTMSG.read(viewOf(found), "rtm_dst_len") : 0;
      const attributes = prefixLength === 0 ? [] : decodeAttributes(found, RTMSG.size);
      const to = attributes.find((it) => it.type === RTA_DST);
      return to === undefined ? [] : { address: ipText(to.value), prefixLength };
    });
  }

  /** The default routes of the main table that have a gateway. */
  defaultRoutes(): DefaultRoute[] {
    const payload = new DataView(new ArrayBuffer(RTMSG.size));
    const messages = this.#socket.dump({ name: "list routes", type: RTM_GETROUTE, payload });
    return messages.flatMap(({ type, payload: found }) => {
      if (type !== RTM_NEWROUTE || RTMSG.read(viewOf(found), "rtm_dst_len") !== 0) {
        return [];
      }
      const attributes = decodeAttributes(found, RTMSG.size);
      const gateway = attributes.find((it) => it.type === RTA_GATEWAY);
      const output = attributes.find((it) => it.type === RTA_OIF);
      return gateway === undefined || output === undefined
        ? []
        : { gateway: ipText(gateway.value), index: viewOf(output.value).getUint32(0, true) };
    });
  }

  /** @throws {SyscallError} */
  setUp(index: number): void {
    const payload = new DataView(new ArrayBuffer(IFINFOMSG.size));
    IFINFOMSG.write(payload, { ifi_index: index, ifi_flags: IFF_UP, ifi_change: IFF_UP });
    this.#socket.change({ name: `set interface ${index} up`, type: RTM_NEWLINK, payload });
  }

  /**
   * @param options `isSure`: nobody else on the link can have it, so nobody is asked and it is good at once
   * @returns false where the interface has it already
   * @throws {SyscallError}
   */
  addAddress(
    index: number,
    address: string,
    prefixLength: number,
    options: { readonly isSure?: boolean } = {},
  ): boolean {
    const bytes = ipBytes(address);
    const payload = new DataView(new ArrayBuffer(IFADDRMSG.size));
    const family = familyOf(bytes);
    IFADDRMSG.write(payload, {
      ifa_family: family,
      ifa_prefixlen: prefixLength,
      ifa_index: index,
    });
    const attributes = [
      { type: IFA_LOCAL, value: bytes },
      { type: IFA_ADDRESS, value: bytes },
      ...(options.isSure === true ? [{ type: IFA_FLAGS, value: u32(IFA_F_NODAD) }] : []),
    ];
    return this.#create(
      `add address "${address}/${prefixLength}"`,
      RTM_NEWADDR,
      payload,
      attributes,
    );
  }

  /** @throws {SyscallError} EADDRNOTAVAIL where the interface does not have it */
  removeAddress(index: number, address: string, prefixLength: number): void {
    const bytes = ipBytes(address);
    const payload = new DataView(new ArrayBuffer(IFADDRMSG.size));
    const ifa = { ifa_family: familyOf(bytes), ifa_prefixlen: prefixLength, ifa_index: index };
    IFADDRMSG.write(payload, ifa);
    const attributes = [{ type: IFA_LOCAL, value: bytes }];
    const name = `remove address "${address}/${prefixLength}"`;
    this.#socket.change({ name, type: RTM_DELADDR, payload, attributes });
  }

  /**
   * Adds a default route. A gateway that the interface's prefix does not cover needs a route of its own first; one is
   * added to the gateway alone.
   * @returns false where it is there already
   * @throws {SyscallError} ENETUNREACH for a gateway that the interface does not reach
   */
  addDefaultRoute({ gateway, index }: DefaultRoute, options: { onLink?: boolean } = {}): boolean {
    const bytes = ipBytes(gateway);
    const output = { type: RTA_OIF, value: u32(index) };
    const payload = new DataView(new ArrayBuffer(RTMSG.size));
    const common = {
      rtm_family: familyOf(bytes),
      rtm_table: RT_TABLE_MAIN,
      rtm_protocol: RTPROT_STATIC,
      rtm_type: RTN_UNICAST,
    };
    if (options.onLink === true) {
      RTMSG.write(payload, { ...common, rtm_dst_len: bytes.length * 8, rtm_scope: RT_SCOPE_LINK });
      const attributes = [{ type: RTA_DST, value: bytes }, output];
      this.#create(`add a route to "${gateway}"`, RTM_NEWROUTE, payload, attributes);
    }
    RTMSG.write(payload, { ...common, rtm_dst_len: 0, rtm_scope: RT_SCOPE_UNIVERSE });
    const attributes = [{ type: RTA_GATEWAY, value: bytes }, output];
    return this.#create(`add the default route by "${gateway}"`, RTM_NEWROUTE, payload, attributes);
  }

  #create(
    name: string,
    type: number,
    payload: DataView,
    attributes: readonly { type: number; value: Uint8Array }[],
  ): boolean {
    try {
      const flags = NLM_F_CREATE | NLM_F_EXCL;
      this.#socket.change({ name, type, flags, payload, attributes });
      return true;
    } catch (error) {
      if (isErrno(error, "EEXIST")) {
        return false;
      }
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

/**
 * Blocks until an interface satisfies a condition, for this long at most: looks once, then again at every event of
 * the kernel.
 * @param act runs after the listening has begun, so that no event of its own is lost
 * @returns the interface, or nothing when the time is over
 */
export function waitForInterface(
  interfaces: Interfaces,
  condition: (candidate: Interface) => boolean,
  timeoutMs: number,
  act: () => void = () => undefined,
): Interface | undefined {
  using events = new NetlinkSocket(RTMGRP_LINK);
  act();
  const until = performance.now() + timeoutMs;
  for (;;) {
    const found = interfaces.list().find(condition);
    const left = until - performance.now();
    if (found !== undefined || left <= 0) {
      return found;
    }
    events.events(left);
  }
}
