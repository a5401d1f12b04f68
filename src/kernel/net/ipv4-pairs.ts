/**
 * Addresses for links with two ends, the host's and a guest's: pairs (RFC 3021, /31) of a private range, none of which
 * lies where the host has an address or a route.
 */
import { ipBytes, ipText } from "./ip-address.ts";
import type { RoutePrefix } from "./interfaces.ts";

/** 192.168.248.0/21, in which the original's own 192.168.249.0/24 is. */
export const PAIR_RANGE = { address: "192.168.248.0", prefixLength: 21 } as const;
export const PAIR_PREFIX_LENGTH = 31;

export interface AddressPair {
  readonly host: string;
  readonly guest: string;
}

interface Span {
  readonly first: number;
  readonly last: number;
}

function numberFrom(address: string): number {
  const bytes = ipBytes(address);
  return new DataView(bytes.buffer).getUint32(0);
}

function textFrom(number: number): string {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, number);
  return ipText(bytes);
}

function spanOf({ address, prefixLength }: RoutePrefix): Span {
  const size = 2 ** (32 - prefixLength);
  const first = Math.floor(numberFrom(address) / size) * size;
  return { first, last: first + size - 1 };
}

/**
 * The first pair that none of these prefixes overlaps, the lower address for the host.
 * @param taken the host's addresses with their prefixes, and what its routes lead to, but for default routes
 * @returns undefined where the whole range is taken
 */
export function freePair(taken: readonly RoutePrefix[]): AddressPair | undefined {
  const spans = taken.filter(({ address }) => !address.includes(":")).map(spanOf);
  const { first, last } = spanOf(PAIR_RANGE);
  let at = first;
  for (const span of spans.toSorted((a, b) => a.first - b.first)) {
    if (span.first > at + 1) {
      break;
    }
    if (span.last >= at) {
      at = Math.ceil((span.last + 1) / 2) * 2;
    }
  }
  return at > last ? undefined : { host: textFrom(at), guest: textFrom(at + 1) };
}
