/** IP addresses between their text and the bytes that the kernel takes. Zones are not addresses and are refused. */
import { isIPv4, isIPv6 } from "node:net";

const LONGEST_TEXT = 45;

/**
 * The 4 or 16 bytes of an address in network order.
 * @throws {RangeError} on a text that is not an address
 */
export function ipBytes(text: string): Uint8Array {
  if (text.length <= LONGEST_TEXT && isIPv4(text)) {
    return Uint8Array.from(text.split(".").map(Number));
  }
  if (text.length > LONGEST_TEXT || text.includes("%") || !isIPv6(text)) {
    throw new RangeError(`${JSON.stringify(text.slice(0, LONGEST_TEXT))} is not an IP address`);
  }
  const [head = "", tail] = text.split("::");
  const left = ipv6Groups(head);
  const right = tail === undefined ? [] : ipv6Groups(tail);
  const groups = [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** The 16-bit groups of one side of a "::"; the last may be an IPv4 address. */
function ipv6Groups(text: string): number[] {
  if (text === "") {
    return [];
  }
  return text.split(":").flatMap((group) => {
    if (!group.includes(".")) {
      return [parseInt(group, 16)];
    }
    const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}

/** The text of 4 or 16 bytes, IPv6 in its canonical form (RFC 5952). */
export function ipText(bytes: Uint8Array): string {
  if (bytes.length === 4) {
    return bytes.join(".");
  }
  if (bytes.length !== 16) {
    throw new RangeError(`${bytes.length} bytes are no IP address`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(index * 2).toString(16));
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}

/**
 * The length of the prefix that a netmask stands for.
 * @throws {RangeError} on a mask with a hole, or one that is no IPv4 address
 */
export function prefixFromNetmask(mask: string): number {
  const bits = [...ipBytes(mask)].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  if (!isIPv4(mask) || !/^1*0*$/.test(bits)) {
    throw new RangeError(`${JSON.stringify(mask)} is not a netmask`);
  }
  return bits.lastIndexOf("1") + 1;
}
