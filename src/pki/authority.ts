/**
 * A certificate authority in memory: makes one, loads one, and issues leaf certificates from it, shaped as X.509
 * SVIDs (SPIFFE X509-SVID, RFC 5280). It knows no files and no names of ours: `layout.ts` has the names, `plan.ts`
 * and `write.ts` the files.
 *
 * `@peculiar/x509` is loaded by the first call that makes something, not by the import of this module.
 */
import { createPrivateKey, X509Certificate as NodeCertificate, randomBytes } from "node:crypto";
import type { Extension, JsonGeneralNames, Name, X509Certificate } from "@peculiar/x509";
import { AuraeError, messageOf } from "../base/errors.ts";
import { loadX509, type X509Module } from "./x509.ts";

export interface Authority {
  readonly certificatePem: string;
  /** PKCS#8. */
  readonly keyPem: string;
  readonly trustDomain: string;
}

export interface CreateAuthorityOptions {
  readonly trustDomain: string;
  readonly commonName: string;
  /** Default: five minutes ago, for peers whose clocks are behind. */
  readonly notBefore?: Date;
  /** Default: ten years from now. */
  readonly notAfter?: Date;
}

export interface IssueCertificateOptions {
  readonly commonName: string;
  readonly dnsNames?: readonly string[];
  /** An SVID has exactly one: its SPIFFE ID. */
  readonly uris?: readonly string[];
  readonly ipAddresses?: readonly string[];
  /**
   * X509-SVID wants serverAuth and clientAuth in every leaf, so the names alone tell servers from clients: a
   * "client" is refused the names under which clients look for a server.
   */
  readonly usage: "server" | "client";
  /** Default: five minutes ago. */
  readonly notBefore?: Date;
  /** Default: one year from now, but never after the authority's own end. */
  readonly notAfter?: Date;
}

export interface IssuedCertificate {
  readonly certificatePem: string;
  /** PKCS#8. */
  readonly keyPem: string;
}

const CLOCK_SKEW_MS = 5 * 60 * 1000;
const DAY_MS = 24 * 60 * 60 * 1000;
const AUTHORITY_DAYS = 3650;
const LEAF_DAYS = 365;
const SERIAL_BYTES = 16;
const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;

/** A self-signed authority with a fresh ECDSA P-256 key; it may sign leaves only (path length 0). */
export async function createAuthority(options: CreateAuthorityOptions): Promise<Authority> {
  const x509 = await loadX509();
  const keys = await generateKeys();
  const names: JsonGeneralNames = [
    { type: "url", value: `spiffe://${options.trustDomain}` },
    { type: "dns", value: options.trustDomain },
  ];
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomSerial(),
    name: nameFromCommonName(x509, options.commonName),
    notBefore: options.notBefore ?? defaultNotBefore(),
    notAfter: options.notAfter ?? daysFromNow(AUTHORITY_DAYS),
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      new x509.SubjectAlternativeNameExtension(names),
    ],
  });
  return {
    certificatePem: pemOf(certificate),
    keyPem: await pkcs8PemOf(x509, keys.privateKey),
    trustDomain: options.trustDomain,
  };
}

/**
 * A leaf certificate of `authority` with a fresh ECDSA P-256 key.
 * @throws AuraeError `invalid_argument` for a client that asks for a server's name; `failed_precondition` where the
 *   authority's key can't sign.
 */
export async function issueCertificate(
  authority: Authority,
  options: IssueCertificateOptions,
): Promise<IssuedCertificate> {
  if (options.usage === "client") {
    refuseServerNames(options);
  }
  const x509 = await loadX509();
  parseCertificate(authority.certificatePem);
  const issuer = new x509.X509Certificate(authority.certificatePem);
  const signingKey = await importSigningKey(authority.keyPem);
  const keys = await generateKeys();
  const inOneYear = daysFromNow(LEAF_DAYS).getTime();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: nameFromCommonName(x509, options.commonName),
    // The issuer's name byte for byte, not read and written again: some verifiers compare the encoding.
    issuer: issuer.subjectName,
    notBefore: options.notBefore ?? defaultNotBefore(),
    notAfter: options.notAfter ?? new Date(Math.min(issuer.notAfter.getTime(), inOneYear)),
    publicKey: keys.publicKey,
    signingKey,
    extensions: await leafExtensions(x509, issuer, keys.publicKey, options),
  });
  return { certificatePem: pemOf(certificate), keyPem: await pkcs8PemOf(x509, keys.privateKey) };
}

/**
 * An authority made elsewhere or earlier: any RSA, P-256, P-384 or P-521 key, PKCS#8, PKCS#1 or SEC1. Its trust
 * domain is that of its SPIFFE ID, else its DNS name, else its common name.
 * @throws AuraeError `failed_precondition`
 */
export function loadAuthority(certificatePem: string, keyPem: string): Authority {
  const trustDomain = trustDomainFromPem(certificatePem);
  if (trustDomain === undefined) {
    throw new AuraeError("failed_precondition", "the CA certificate names no trust domain");
  }
  try {
    const pkcs8 = createPrivateKey(keyPem).export({ type: "pkcs8", format: "pem" });
    return { certificatePem, keyPem: String(pkcs8), trustDomain };
  } catch (error) {
    throw new AuraeError("failed_precondition", "the CA's private key can't be read", {
      cause: error,
    });
  }
}

function refuseServerNames(options: IssueCertificateOptions): void {
  const name = options.dnsNames?.find((dns) => dns === "localhost" || dns.startsWith("server."));
  const refused = name ?? options.ipAddresses?.[0];
  if (refused !== undefined) {
    throw new AuraeError(
      "invalid_argument",
      `a client's certificate must not carry the server's name "${refused}"`,
    );
  }
}

async function leafExtensions(
  x509: X509Module,
  issuer: X509Certificate,
  publicKey: CryptoKey,
  options: IssueCertificateOptions,
): Promise<Extension[]> {
  // The identifier as the issuer states it, which needs not be the hash of its key.
  const issuerKeyId = issuer.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId;
  const extensions: Extension[] = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([
      x509.ExtendedKeyUsage.serverAuth,
      x509.ExtendedKeyUsage.clientAuth,
    ]),
    issuerKeyId === undefined
      ? await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey)
      : new x509.AuthorityKeyIdentifierExtension(issuerKeyId),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
  ];
  const names: JsonGeneralNames = [
    ...(options.uris ?? []).map((value) => ({ type: "url", value }) as const),
    ...(options.dnsNames ?? []).map((value) => ({ type: "dns", value }) as const),
    ...(options.ipAddresses ?? []).map((value) => ({ type: "ip", value }) as const),
  ];
  if (names.length > 0) {
    extensions.push(new x509.SubjectAlternativeNameExtension(names));
  }
  return extensions;
}

async function generateKeys(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
}

async function importSigningKey(keyPem: string): Promise<CryptoKey> {
  const key = createPrivateKey(keyPem);
  const der = key.export({ type: "pkcs8", format: "der" });
  const algorithm = signingAlgorithmOf(key.asymmetricKeyType, key.asymmetricKeyDetails?.namedCurve);
  try {
    return await crypto.subtle.importKey("pkcs8", new Uint8Array(der), algorithm, false, ["sign"]);
  } catch (error) {
    throw new AuraeError("failed_precondition", `the CA's key can't sign: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function signingAlgorithmOf(type: string | undefined, curve: string | undefined) {
  if (type === "rsa") {
    return { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  }
  const namedCurve = { prime256v1: "P-256", secp384r1: "P-384", secp521r1: "P-521" }[curve ?? ""];
  if (type !== "ec" || namedCurve === undefined) {
    throw new AuraeError(
      "failed_precondition",
      `the CA's key is of type "${curve ?? type}", but only RSA, P-256, P-384 and P-521 keys can sign`,
    );
  }
  return { name: "ECDSA", namedCurve };
}

function parseCertificate(pem: string): NodeCertificate {
  try {
    return new NodeCertificate(pem);
  } catch (error) {
    throw new AuraeError("failed_precondition", "the CA certificate can't be read", {
      cause: error,
    });
  }
}

/** The trust domain that leaves of this CA certificate belong to, or undefined where it names none. */
export function trustDomainFromPem(certificatePem: string): string | undefined {
  const certificate = parseCertificate(certificatePem);
  // Node's text form: names are parted by ", ", and a comma inside a name is escaped.
  const names = certificate.subjectAltName?.split(", ") ?? [];
  for (const name of names) {
    const domain = /^URI:spiffe:\/\/([^/]+)\/?$/.exec(name)?.[1];
    if (domain !== undefined) {
      return domain;
    }
  }
  const dns = names.find((name) => name.startsWith("DNS:"))?.slice("DNS:".length);
  return dns ?? /^CN=(.+)$/m.exec(certificate.subject)?.[1];
}

/** As an object and not as text, so that no character of a name is taken for syntax. */
function nameFromCommonName(x509: X509Module, commonName: string): Name {
  return new x509.Name([{ O: [{ utf8String: "Aurae" }] }, { CN: [{ utf8String: commonName }] }]);
}

/** Positive, and of full length: the first byte is 0x40 to 0x7f. */
function randomSerial(): string {
  const bytes = randomBytes(SERIAL_BYTES);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString("hex");
}

function defaultNotBefore(): Date {
  return new Date(Date.now() - CLOCK_SKEW_MS);
}

function daysFromNow(days: number): Date {
  return new Date(Date.now() + days * DAY_MS);
}

function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}

async function pkcs8PemOf(x509: X509Module, key: CryptoKey): Promise<string> {
  const der = await crypto.subtle.exportKey("pkcs8", key);
  return `${x509.PemConverter.encode(der, x509.PemConverter.PrivateKeyTag)}\n`;
}
