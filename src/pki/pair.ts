/**
 * Reads a certificate and its key from the PKI's directory and says whether they can be used: both there, both
 * readable, and of each other. It writes nothing. Symbolic links are followed for reading, never for writing.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AuraeError, messageOf } from "../base/errors.ts";
import type { PairFiles } from "./layout.ts";

export interface Pair {
  readonly certificate: X509Certificate;
  readonly certificatePem: string;
  /** Undefined only where the key is kept elsewhere, as an authority's may be. */
  readonly keyPem: string | undefined;
}

/** Far above any certificate chain; a device or a log named by mistake ends here. */
const MAX_FILE_BYTES = 1024 * 1024;

/**
 * The pair that is there, or undefined where neither file is.
 * @throws AuraeError `failed_precondition`, naming the file and the remedy.
 */
export function readPair(
  dir: string,
  files: PairFiles,
  keyMayBeElsewhere = false,
): Pair | undefined {
  const certificatePath = join(dir, files.certificate);
  const keyPath = join(dir, files.key);
  const hasCertificate = exists(certificatePath);
  const hasKey = exists(keyPath);
  if (!hasCertificate && !hasKey) {
    return undefined;
  }
  if (!hasCertificate) {
    throw loneFile(keyPath, certificatePath, "certificate");
  }
  if (!hasKey && !keyMayBeElsewhere) {
    throw loneFile(certificatePath, keyPath, "key");
  }
  const certificatePem = readText(certificatePath);
  const certificate = parseCertificate(certificatePath, certificatePem);
  if (!hasKey) {
    return { certificate, certificatePem, keyPem: undefined };
  }
  const keyPem = readText(keyPath);
  if (!certificate.checkPrivateKey(parseKey(keyPath, keyPem))) {
    throw unusable(
      `"${keyPath}" is not the key of "${certificatePath}": restore the one that was replaced, or ${START_OVER}`,
    );
  }
  return { certificate, certificatePem, keyPem };
}

/** The SPIFFE ID of a certificate, or undefined where it has none (the original's have none). */
export function spiffeIdOf(certificate: X509Certificate): string | undefined {
  // Node's text form: names are parted by ", ", and a comma inside a name is escaped.
  const names = certificate.subjectAltName?.split(", ") ?? [];
  return names.find((name) => name.startsWith("URI:spiffe://"))?.slice("URI:".length);
}

/** Whether a directory entry is there, be it a dangling link. */
export function exists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      return false;
    }
    throw unusable(`can't look at "${path}": ${messageOf(error)}`, error);
  }
}

export const START_OVER = "start over with --force";

export function unusable(message: string, cause?: unknown): AuraeError {
  return new AuraeError("failed_precondition", message, { cause });
}

function loneFile(path: string, missing: string, what: string): AuraeError {
  return unusable(
    `"${path}" is there without its ${what} "${missing}": restore that file, remove the lone one, or ${START_OVER}`,
  );
}

function readText(path: string): string {
  try {
    // Not blocking, so that a FIFO in place of a file can't hold us.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile() || stat.size > MAX_FILE_BYTES) {
        throw unusable("it is not a small regular file");
      }
      return readFileSync(fd, "utf8");
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw unusable(`can't read "${path}": ${messageOf(error)}`, error);
  }
}

function parseCertificate(path: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw unusable(
      `"${path}" holds no certificate in PEM form: restore it, or ${START_OVER}`,
      error,
    );
  }
}

function parseKey(path: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw unusable(
      `"${path}" holds no unencrypted private key in PEM form: restore it, or ${START_OVER}`,
      error,
    );
  }
}
