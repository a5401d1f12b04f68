/**
 * Netlink messages as bytes (RFC 3549, Documentation/userspace-api/netlink/intro.rst): pure, without a socket. What
 * comes in is the kernel's, and yet every length is checked.
 */
import { NLMSGHDR, RTATTR } from "../abi/netlink.ts";

export interface NetlinkMessage {
  /** RTM_* or NLMSG_*. */
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** All after the header: a fixed structure, then attributes. */
  readonly payload: Uint8Array;
}

export interface NetlinkAttribute {
  readonly type: number;
  readonly value: Uint8Array;
}

/** The upper two bits of an attribute's type are flags (NLA_F_NESTED, NLA_F_NET_BYTEORDER). */
const ATTRIBUTE_TYPE_MASK = 0x3fff;

const aligned = (length: number): number => (length + 3) & ~3;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A message's bytes; its sender is left 0, for the kernel to fill in. */
export function encodeMessage(
  message: NetlinkMessage,
  attributes: readonly NetlinkAttribute[] = [],
): Uint8Array {
  const tail = encodeAttributes(attributes);
  const head = NLMSGHDR.size + aligned(message.payload.length);
  const length = head + tail.length;
  const bytes = new Uint8Array(length);
  NLMSGHDR.write(viewOf(bytes), {
    nlmsg_len: length,
    nlmsg_type: message.type,
    nlmsg_flags: message.flags,
    nlmsg_seq: message.sequence,
  });
  bytes.set(message.payload, NLMSGHDR.size);
  bytes.set(tail, head);
  return bytes;
}

/** Attributes one after the other, each at a multiple of four: a message's, or the value of an attribute of them. */
export function encodeAttributes(attributes: readonly NetlinkAttribute[]): Uint8Array {
  const sizeOf = ({ value }: NetlinkAttribute) => aligned(RTATTR.size + value.length);
  const bytes = new Uint8Array(attributes.reduce((sum, it) => sum + sizeOf(it), 0));
  let at = 0;
  for (const { type, value } of attributes) {
    const size = RTATTR.size + value.length;
    RTATTR.write(viewOf(bytes.subarray(at)), { rta_len: size, rta_type: type });
    bytes.set(value, at + RTATTR.size);
    at += aligned(size);
  }
  return bytes;
}

/** The messages of one datagram. @throws {RangeError} on a length that cannot be */
export function decodeMessages(bytes: Uint8Array): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  let at = 0;
  while (at < bytes.length) {
    const rest = bytes.subarray(at);
    const length = rest.length < NLMSGHDR.size ? 0 : NLMSGHDR.read(viewOf(rest), "nlmsg_len");
    if (length < NLMSGHDR.size || length > rest.length) {
      throw new RangeError(`read a netlink message of ${length} bytes in ${rest.length}`);
    }
    const view = viewOf(rest);
    messages.push({
      type: NLMSGHDR.read(view, "nlmsg_type"),
      flags: NLMSGHDR.read(view, "nlmsg_flags"),
      sequence: NLMSGHDR.read(view, "nlmsg_seq"),
      payload: rest.subarray(NLMSGHDR.size, length),
    });
    at += aligned(length);
  }
  return messages;
}

/** The attributes of a payload, after its fixed structure. @throws {RangeError} on a length that cannot be */
export function decodeAttributes(payload: Uint8Array, fixedBytes: number): NetlinkAttribute[] {
  const attributes: NetlinkAttribute[] = [];
  let at = aligned(fixedBytes);
  while (at < payload.length) {
    const rest = payload.subarray(at);
    const length = rest.length < RTATTR.size ? 0 : RTATTR.read(viewOf(rest), "rta_len");
    if (length < RTATTR.size || length > rest.length) {
      throw new RangeError(`read a netlink attribute of ${length} bytes in ${rest.length}`);
    }
    const type = RTATTR.read(viewOf(rest), "rta_type") & ATTRIBUTE_TYPE_MASK;
    attributes.push({ type, value: rest.subarray(RTATTR.size, length) });
    at += aligned(length);
  }
  return attributes;
}
