/**
 * Makes, changes and removes network devices by rtnetlink(7): bridges, ports of bridges, sizes, names of one's own. It
 * knows nothing of who needs them, and looks for none by itself.
 */
import {
  AF_INET6,
  IFF_UP,
  IFINFOMSG,
  IFLA_ADDRESS,
  IFLA_AF_SPEC,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  IFNAMSIZ,
  IN6_ADDR_GEN_MODE_NONE,
  NLM_F_CREATE,
  NLM_F_EXCL,
  RTM_DELLINK,
  RTM_NEWLINK,
} from "../abi/netlink.ts";
import { cString } from "../sys/syscall.ts";
import { u32 } from "./interfaces.ts";
import { encodeAttributes, type NetlinkAttribute } from "./netlink-message.ts";
import { NetlinkSocket } from "./netlink-socket.ts";

/** What may change of a device; what is left out stays. */
export interface LinkChange {
  readonly isUp?: boolean;
  /** The index of the bridge that it becomes a port of; 0: of none. */
  readonly master?: number;
  readonly mtu?: number;
  /** Its hardware address. */
  readonly mac?: Uint8Array;
  /** Up to 255 bytes. */
  readonly alias?: string;
  /** Whether the kernel gives it no link-local IPv6 address by itself. */
  readonly hasNoOwnAddress?: boolean;
}

/** Whether a text can be the name of a network device: the rule of the kernel's dev_valid_name. */
export function isInterfaceName(text: string): boolean {
  const bytes = Buffer.byteLength(text);
  return bytes > 0 && bytes < IFNAMSIZ && text !== "." && text !== ".." && !/[/:\s\0]/.test(text);
}

function nested(type: number, attributes: readonly NetlinkAttribute[]): NetlinkAttribute {
  return { type, value: encodeAttributes(attributes) };
}

function attributesFor(change: LinkChange): NetlinkAttribute[] {
  const attributes: NetlinkAttribute[] = [];
  if (change.master !== undefined) {
    attributes.push({ type: IFLA_MASTER, value: u32(change.master) });
  }
  if (change.mtu !== undefined) {
    attributes.push({ type: IFLA_MTU, value: u32(change.mtu) });
  }
  if (change.mac !== undefined) {
    attributes.push({ type: IFLA_ADDRESS, value: change.mac });
  }
  if (change.alias !== undefined) {
    attributes.push({ type: IFLA_IFALIAS, value: Buffer.from(change.alias) });
  }
  if (change.hasNoOwnAddress !== undefined) {
    const mode = Uint8Array.of(change.hasNoOwnAddress ? IN6_ADDR_GEN_MODE_NONE : 0);
    const family = nested(AF_INET6, [{ type: IFLA_INET6_ADDR_GEN_MODE, value: mode }]);
    attributes.push(nested(IFLA_AF_SPEC, [family]));
  }
  return attributes;
}

function head(fields: { readonly ifi_index?: number; readonly ifi_flags?: number }): DataView {
  const payload = new DataView(new ArrayBuffer(IFINFOMSG.size));
  IFINFOMSG.write(payload, { ...fields, ...("ifi_flags" in fields ? { ifi_change: IFF_UP } : {}) });
  return payload;
}

export class Links implements Disposable {
  readonly #socket = new NetlinkSocket();

  /** @throws {SyscallError} EEXIST for a name that is taken, EPERM, EOPNOTSUPP without the kernel's bridges */
  createBridge(name: string): void {
    this.#socket.change({
      name: `make bridge "${name}"`,
      type: RTM_NEWLINK,
      flags: NLM_F_CREATE | NLM_F_EXCL,
      payload: head({}),
      attributes: [
        { type: IFLA_IFNAME, value: cString(name) },
        nested(IFLA_LINKINFO, [{ type: IFLA_INFO_KIND, value: cString("bridge") }]),
      ],
    });
  }

  /** @throws {SyscallError} ENODEV for a device that is gone */
  change(index: number, change: LinkChange): void {
    const flags = change.isUp === undefined ? {} : { ifi_flags: change.isUp ? IFF_UP : 0 };
    this.#socket.change({
      name: `change interface ${index}`,
      type: RTM_NEWLINK,
      payload: head({ ifi_index: index, ...flags }),
      attributes: attributesFor(change),
    });
  }

  /** @throws {SyscallError} ENODEV for a device that is gone */
  remove(index: number): void {
    const payload = head({ ifi_index: index });
    this.#socket.change({ name: `remove interface ${index}`, type: RTM_DELLINK, payload });
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}
