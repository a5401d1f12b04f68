/**
 * The authority that guests get their certificates from, of two files that the daemon is given. Whatever is wrong with
 * them keeps the daemon from starting, and is told before any guest needs them. Issuing, which loads a library, is left
 * for the first guest.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { certificateBlocks, isIssuer } from "../base/certificates.ts";
import { AuraeError, messageOf } from "../base/errors.ts";
import { type Authority, trustDomainFromPem } from "../pki/authority.ts";
import { isTrustDomain } from "../pki/layout.ts";

export interface VmAuthorityPaths {
  /** Its certificate, and after it those that lead from it to one that clients know. */
  readonly certificate: string;
  readonly key: string;
}

export interface VmAuthority {
  readonly authority: Authority;
  /** What stands after a leaf in a server's file: the authority and what is above it; nothing where it is the root. */
  readonly chainPem: string;
  /**
   * The CAs of a guest: those of the daemon's clients, and, unless it is of these, the guest's own, without which its auraed
   * does not take its certificate for one.
   */
  readonly caPem: string;
  readonly notAfter: Date;
  /** What works but should not stay so. */
  readonly warnings: readonly string[];
}

const MAX_FILE_BYTES = 1024 * 1024;
const MAX_CERTIFICATES = 10;

function refuse(path: string, fault: string, cause?: unknown): never {
  throw new AuraeError("failed_precondition", `the CA for VMs, "${path}": ${fault}`, { cause });
}

function readFile(path: string): string {
  try {
    const stat = statSync(path);
    if (!stat.isFile() || stat.size > MAX_FILE_BYTES) {
      return refuse(path, `it is not a regular file of ${MAX_FILE_BYTES} bytes at most`);
    }
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof AuraeError) {
      throw error;
    }
    return refuse(
      path,
      `${messageOf(error)}; make one with "auraed pki --dir DIR", and name its ca.crt and ca.key with --vm-ca-crt and --vm-ca-key, or leave both out`,
      error,
    );
  }
}

function certificatesIn(path: string): [X509Certificate, ...X509Certificate[]] {
  const blocks = certificateBlocks(readFile(path));
  if (blocks.length > MAX_CERTIFICATES) {
    return refuse(path, `has ${blocks.length} certificates, ${MAX_CERTIFICATES} at most`);
  }
  try {
    const [first, ...others] = blocks.map((pem) => new X509Certificate(pem));
    return first === undefined
      ? refuse(path, "it holds no certificate in PEM form")
      : [first, ...others];
  } catch (error) {
    return error instanceof AuraeError
      ? refuse(path, error.message)
      : refuse(path, "it holds no valid certificate in PEM form", error);
  }
}

function keyIn(path: string): KeyObject {
  const text = readFile(path);
  try {
    return createPrivateKey(text);
  } catch (error) {
    return refuse(path, "it holds no private key in PEM form, or an encrypted one", error);
  }
}

function checkChain(path: string, chain: readonly X509Certificate[], now: Date): void {
  for (const [at, certificate] of chain.entries()) {
    const which = at === 0 ? "its certificate" : `certificate ${at + 1} of it`;
    if (!certificate.ca) {
      refuse(path, `${which} is not of a CA, so it can sign none for guests`);
    }
    if (certificate.validToDate <= now || certificate.validFromDate > now) {
      const from = certificate.validFromDate.toISOString();
      refuse(
        path,
        `${which} is valid from ${from} to ${certificate.validToDate.toISOString()} only`,
      );
    }
    const issuer = chain[at + 1];
    if (issuer !== undefined && !isIssuer(issuer, certificate)) {
      refuse(path, `${which} was not issued by the one after it; put them in order`);
    }
  }
}

/** What a guest has to know besides the CAs of its clients: the top of its chain, unless one of them is that, or above. */
function anchorOf(chain: readonly X509Certificate[], clientCaPem: string): string {
  const top = chain.at(-1);
  const known = certificateBlocks(clientCaPem).map((pem) => new X509Certificate(pem));
  const isKnown = known.some(
    (each) =>
      each.fingerprint256 === top?.fingerprint256 || (top !== undefined && isIssuer(each, top)),
  );
  return isKnown ? "" : (top?.toString() ?? "");
}

function trustDomainOf(path: string, certificate: X509Certificate): string {
  const domain = trustDomainFromPem(certificate.toString());
  return domain !== undefined && isTrustDomain(domain)
    ? domain
    : refuse(path, "it names no trust domain, and neither does the daemon's own certificate");
}

export interface VmAuthorityContext {
  /** What guests are named in: that of clients' roles. Undefined: the CA's own. */
  readonly trustDomain: string | undefined;
  /** The CAs whose clients guests let in: the daemon's own. */
  readonly clientCaPem: string;
}

/**
 * @param now for tests
 * @throws {AuraeError} failed_precondition naming the file and what to do
 */
export function loadVmAuthority(
  paths: VmAuthorityPaths,
  { trustDomain, clientCaPem }: VmAuthorityContext,
  now: Date = new Date(),
): VmAuthority {
  const chain = certificatesIn(paths.certificate);
  const key = keyIn(paths.key);
  const [certificate] = chain;
  checkChain(paths.certificate, chain, now);
  if (!certificate.checkPrivateKey(key)) {
    refuse(paths.key, `the key does not belong to the certificate "${paths.certificate}"`);
  }
  const others = (statSync(paths.key).mode & 0o077) !== 0;
  return {
    authority: {
      certificatePem: certificate.toString(),
      keyPem: String(key.export({ type: "pkcs8", format: "pem" })),
      trustDomain: trustDomain ?? trustDomainOf(paths.certificate, certificate),
    },
    chainPem: chain
      .filter((each) => !isIssuer(each, each))
      .map((each) => each.toString())
      .join(""),
    caPem: `${clientCaPem.trimEnd()}\n${anchorOf(chain, clientCaPem)}`,
    notAfter: new Date(Math.min(...chain.map((each) => each.validToDate.getTime()))),
    warnings: others
      ? [
          `other users can get at the CA's key "${paths.key}": take that away with: chmod 600 ${paths.key}`,
        ]
      : [],
  };
}
