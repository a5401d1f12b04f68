/** Reads the hardware address of a network device. */
import { AuraeError } from "../../base/errors.ts";

/**
 * A hardware address as the kernel has it.
 * @param mac `02:00:00:00:00:01`
 * @throws {AuraeError} invalid_argument
 */
export function macBytes(mac: string): Uint8Array {
  if (!/^(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/.test(mac)) {
    throw new AuraeError("invalid_argument", `${JSON.stringify(mac)} is no hardware address`);
  }
  return Uint8Array.from(mac.split(":"), (byte) => Number.parseInt(byte, 16));
}
