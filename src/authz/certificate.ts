/**
 * The names in a certificate, read from its own bytes. Node's `subjectaltname` joins names with commas into one
 * string, and a name may hold a comma itself (CVE-2021-44532), so that string decides nothing here. The signature and
 * the dates were checked by TLS; this only reads (RFC 5280, section 4.1).
 */
import { type DerElement, DerError, derElement, derElements } from "./der.ts";

export interface CertificateNames {
  /** The subject's common name, if it has exactly one. */
  readonly commonName: string | undefined;
  readonly dnsNames: readonly string[];
  readonly uris: readonly string[];
  /** Whether it may sign certificates or lists of revoked ones. */
  readonly isAuthority: boolean;
}

const TAG = {
  boolean: 0x01,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
  dnsName: 0x82,
  uri: 0x86,
  extensions: 0xa3,
} as const;

/** UTF8String, PrintableString, IA5String. */
const STRING_TAGS: readonly number[] = [0x0c, 0x13, 0x16];

const OID = {
  commonName: "550403",
  subjectAltName: "551d11",
  basicConstraints: "551d13",
  keyUsage: "551d0f",
} as const;

/** keyCertSign and cRLSign, bits 5 and 6 from the left. */
const SIGNING_USAGES = 0x06;

/** Names with other characters than these are left out: no host and no URI needs them. */
const PRINTABLE_ASCII = /^[\x21-\x7e]+$/;

function hex(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? "" : Buffer.from(bytes).toString("hex");
}

function commonNameOf(subject: Uint8Array): string | undefined {
  const found: string[] = [];
  for (const relative of derElements(subject)) {
    for (const attribute of derElements(relative.content)) {
      const [type, value] = derElements(attribute.content);
      if (hex(type?.content) === OID.commonName && value !== undefined) {
        const text = Buffer.from(value.content).toString("utf8");
        found.push(STRING_TAGS.includes(value.tag) && !/[\0-\x1f\x7f]/.test(text) ? text : "");
      }
    }
  }
  return found.length === 1 && found[0] !== "" ? found[0] : undefined;
}

/** The bytes of each extension, by the hexadecimal form of its object identifier. */
function extensionsOf(fields: readonly DerElement[]): Map<string, Uint8Array> {
  const extensions = new Map<string, Uint8Array>();
  const block = fields.find((field) => field.tag === TAG.extensions);
  if (block === undefined) {
    return extensions;
  }
  for (const extension of derElements(derElement(block.content, TAG.sequence))) {
    const parts = derElements(extension.content);
    const id = hex(parts[0]?.content);
    const value = parts.at(-1);
    if (value?.tag !== TAG.octetString || extensions.has(id)) {
      throw new DerError("a malformed or repeated extension");
    }
    extensions.set(id, value.content);
  }
  return extensions;
}

function altNames(extension: Uint8Array | undefined, tag: number): string[] {
  if (extension === undefined) {
    return [];
  }
  return derElements(derElement(extension, TAG.sequence))
    .filter((name) => name.tag === tag)
    .map((name) => Buffer.from(name.content).toString("latin1"));
}

function canSign(extensions: ReadonlyMap<string, Uint8Array>): boolean {
  const constraints = extensions.get(OID.basicConstraints);
  if (constraints !== undefined) {
    const [isCa] = derElements(derElement(constraints, TAG.sequence));
    if (isCa?.tag === TAG.boolean && isCa.content[0] !== 0) {
      return true;
    }
  }
  const usage = extensions.get(OID.keyUsage);
  return usage !== undefined && ((derElement(usage, TAG.bitString)[1] ?? 0) & SIGNING_USAGES) !== 0;
}

/**
 * Reads a certificate in DER.
 * @throws {DerError} if it is not one
 */
export function certificateNames(der: Uint8Array): CertificateNames {
  const [tbs] = derElements(derElement(der, TAG.sequence));
  if (tbs?.tag !== TAG.sequence) {
    throw new DerError("no certificate");
  }
  const fields = derElements(tbs.content);
  // The version is left out of certificates of version 1; then the serial number stands first.
  const start = fields[0]?.tag === 0xa0 ? 1 : 0;
  const subject = fields[start + 4];
  if (subject?.tag !== TAG.sequence) {
    throw new DerError("no subject");
  }
  const extensions = extensionsOf(fields);
  const san = extensions.get(OID.subjectAltName);
  return {
    commonName: commonNameOf(subject.content),
    dnsNames: altNames(san, TAG.dnsName).filter((name) => PRINTABLE_ASCII.test(name)),
    uris: altNames(san, TAG.uri),
    isAuthority: canSign(extensions),
  };
}
