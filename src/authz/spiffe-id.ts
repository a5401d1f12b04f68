/**
 * SPIFFE IDs, parsed strictly: what is not exactly of the standard's form is no identity (SPIFFE-ID specification,
 * sections 2.1 to 2.4).
 */

export interface SpiffeId {
  readonly trustDomain: string;
  /** The path's segments; none for the trust domain itself. */
  readonly segments: readonly string[];
  /** As it stands in the certificate. */
  readonly uri: string;
}

const SCHEME = "spiffe://";
const MAX_BYTES = 2048;
const MAX_TRUST_DOMAIN_BYTES = 255;
const TRUST_DOMAIN = /^[a-z0-9._-]+$/;
const SEGMENT = /^[a-zA-Z0-9._-]+$/;

/** The parsed ID, or undefined for anything that is not one. */
export function parseSpiffeId(uri: string): SpiffeId | undefined {
  if (uri.length > MAX_BYTES || !uri.startsWith(SCHEME)) {
    return undefined;
  }
  const [trustDomain = "", ...segments] = uri.slice(SCHEME.length).split("/");
  if (trustDomain.length > MAX_TRUST_DOMAIN_BYTES || !TRUST_DOMAIN.test(trustDomain)) {
    return undefined;
  }
  const areGood = segments.every((part) => SEGMENT.test(part) && part !== "." && part !== "..");
  return areGood ? { trustDomain, segments, uri } : undefined;
}
