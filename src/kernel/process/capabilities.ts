/** Capabilities by name (capabilities(7)). A set is a number: bit N is capability N. */
import { CAPABILITIES, type CapabilityName } from "../abi/capability.ts";

/** The number of a capability: `CAP_KILL`, `cap_kill` or `kill`. Undefined for a name that there is not. */
export function capabilityNumber(name: string): number | undefined {
  const full = name.toUpperCase().replace(/^(?:CAP_)?/, "CAP_");
  return Object.hasOwn(CAPABILITIES, full) ? CAPABILITIES[full as CapabilityName] : undefined;
}

/** The set of these capabilities. @throws {RangeError} for a number that no capability has */
export function capabilitySet(numbers: Iterable<number>): bigint {
  let set = 0n;
  for (const number of numbers) {
    if (!Number.isInteger(number) || number < 0 || number > 63) {
      throw new RangeError(`not a capability: ${number}`);
    }
    set |= 1n << BigInt(number);
  }
  return set;
}
