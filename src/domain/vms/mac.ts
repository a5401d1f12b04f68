/** MAC addresses that nobody has chosen: the same for the same machine each time, and different on each host. */

/** The first byte: an address that is administered locally (IEEE 802-2014, 8.2.2), of one station. */
const LOCAL = 0x02;
const GROUP = 0x01;

/** @param seed what tells this host from others */
export function derivedMac(seed: string, id: string, index: number): string {
  const hash = new Bun.CryptoHasher("sha256").update(`${seed}\0${id}\0${index}`).digest();
  const [first = 0, ...rest] = hash.subarray(0, 6);
  return [(first & ~GROUP) | LOCAL, ...rest]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join(":");
}
