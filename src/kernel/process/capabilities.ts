/** Capabilities by name, and those that the running kernel has (capabilities(7)). A set is a number: bit N is capability N. */
import { readFileSync } from "node:fs";
import { CAPABILITIES, type CapabilityName } from "../abi/capability.ts";

const BY_NUMBER: ReadonlyMap<number, CapabilityName> = new Map(
  (Object.keys(CAPABILITIES) as CapabilityName[]).map((name) => [CAPABILITIES[name], name]),
);

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

/** The names of a set's capabilities; one that is newer than this program is `CAP_N`. */
export function capabilityNames(set: bigint): string[] {
  const names: string[] = [];
  for (let number = 0; number < 64; number++) {
    if (((set >> BigInt(number)) & 1n) === 1n) {
      names.push(BY_NUMBER.get(number) ?? `CAP_${number}`);
    }
  }
  return names;
}

let all: bigint | undefined;

/** All capabilities that the running kernel has. */
export function kernelCapabilities(): bigint {
  if (all === undefined) {
    const last = Number(readFileSync("/proc/sys/kernel/cap_last_cap", "utf8"));
    all = (1n << BigInt(last + 1)) - 1n;
  }
  return all;
}
