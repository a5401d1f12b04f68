/**
 * Where a PKI's files are and what its certificates are called: the names of the original's `/etc/aurae/pki`, the
 * SPIFFE IDs and DNS names that our server and clients look for. Pure: it reads and writes nothing.
 */

export const DEFAULT_PKI_DIR = "/etc/aurae/pki";
export const DEFAULT_TRUST_DOMAIN = "unsafe.aurae.io";

/** The name that the original's clients ask every server for, whatever the trust domain. */
const LEGACY_SERVER_NAME = "server.unsafe.aurae.io";

/** Roles that the daemon knows by itself; other roles need a policy file that names them. */
export const BUILTIN_ROLES: readonly string[] = ["admin", "reader", "boot"];

export interface ClientSpec {
  readonly name: string;
  readonly role: string;
}

/**
 * The clients of the original, of which `unsafe` is the one for trying things out, and the script that a machine of ours
 * runs when it boots.
 */
export const DEFAULT_CLIENTS: readonly ClientSpec[] = [
  { name: "nova", role: "admin" },
  { name: "system", role: "admin" },
  { name: "unsafe", role: "reader" },
  { name: "boot", role: "boot" },
];

/** A certificate and its private key, as file names inside the PKI's directory. */
export interface PairFiles {
  readonly certificate: string;
  readonly key: string;
}

export const AUTHORITY_FILES: PairFiles = { certificate: "ca.crt", key: "ca.key" };
export const SERVER_FILES: PairFiles = { certificate: "_signed.server.crt", key: "server.key" };

export function clientFiles(name: string): PairFiles {
  return { certificate: `_signed.client.${name}.crt`, key: `client.${name}.key` };
}

/** What a leaf certificate says of its holder. */
export interface LeafNames {
  readonly commonName: string;
  readonly uris: readonly [string];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly usage: "server" | "client";
}

/** Besides its own name, what somebody on the machine types: `https://localhost:8080`, `https://127.0.0.1:8080`. */
export function serverNames(trustDomain: string): LeafNames {
  const name = `server.${trustDomain}`;
  return {
    commonName: commonNameFrom(name, "server"),
    uris: [`spiffe://${trustDomain}/auraed`],
    dnsNames: [...new Set([name, LEGACY_SERVER_NAME, "localhost"])],
    ipAddresses: ["127.0.0.1", "::1"],
    usage: "server",
  };
}

/** Where the host of a virtual machine finds it (the original's constant). */
const GUEST_ADDRESS = "fe80::2";
const MAX_DNS_NAME_LENGTH = 253;

/**
 * A virtual machine's own auraed: known by its id, and under the names that clients look for on any machine.
 * @param id a DNS label
 * @param addresses what else it has than the link-local one
 */
export function guestNames(
  trustDomain: string,
  id: string,
  addresses: readonly string[] = [],
): LeafNames {
  const name = `${id.toLowerCase()}.vm.${trustDomain}`;
  const { ipAddresses, usage } = serverNames(trustDomain);
  return {
    commonName: commonNameFrom(name, id),
    uris: [`spiffe://${trustDomain}/vm/${id}`],
    dnsNames: [name, LEGACY_SERVER_NAME, "localhost"].filter(
      (each) => each.length <= MAX_DNS_NAME_LENGTH,
    ),
    ipAddresses: [...ipAddresses, GUEST_ADDRESS, ...addresses],
    usage,
  };
}

export function clientNames(trustDomain: string, client: ClientSpec): LeafNames {
  const name = `${client.name}.${trustDomain}`;
  return {
    commonName: commonNameFrom(name, client.name),
    uris: [`spiffe://${trustDomain}/role/${client.role}/${client.name}`],
    dnsNames: [name],
    ipAddresses: [],
    usage: "client",
  };
}

/** RFC 5280 ends a common name at 64 characters (ub-common-name). */
export function commonNameFrom(name: string, short: string): string {
  return name.length <= 64 ? name : short;
}

/** Room for the longest label and its dot in front, in a DNS name of at most 253 characters. */
const MAX_TRUST_DOMAIN_LENGTH = 189;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** A lower-case DNS name, which is also a SPIFFE trust domain. */
export function isTrustDomain(text: string): boolean {
  return (
    text.length <= MAX_TRUST_DOMAIN_LENGTH && text.split(".").every((label) => LABEL.test(label))
  );
}

/** One DNS label: it becomes a part of a file name, a DNS name and a SPIFFE ID. `server` is the server's own. */
export function isClientName(text: string): boolean {
  return LABEL.test(text) && text !== "server" && text !== "localhost";
}

export function isRole(text: string): boolean {
  return LABEL.test(text);
}
