/**
 * Reads the daemon's certificate, its key and the CA that clients must come from, and finds out what is wrong with
 * them before the listener does: each failure is one line that names the file and the remedy.
 *
 * It stands in the way of every start, so it uses `node:crypto` alone and must never import `@peculiar/x509`.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { certificateBlocks, isIssuer } from "../base/certificates.ts";
import { AuraeError, messageOf } from "../base/errors.ts";
import { type Remedy, type TlsFilePaths, tlsRemedies } from "./tls-remedies.ts";

export interface TlsFiles {
  readonly caPem: string;
  /** The server's certificate, then its intermediates if the file has some. */
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Of the SPIFFE ID in the server's certificate; undefined where it has none, as the original's. */
  readonly trustDomain?: string;
  /** What works but should not stay so; one line each. */
  readonly warnings: readonly string[];
}

interface ReadFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
  readonly remedy: Remedy;
}

const MAX_FILE_BYTES = 1024 * 1024;
const MAX_CERTIFICATES = 100;
const DAY_MS = 24 * 60 * 60 * 1000;
const WARN_DAYS = 30;

/**
 * A server certificate without names (SAN) or purposes (EKU) is accepted: the original's have none.
 * @param now For tests.
 * @throws AuraeError `failed_precondition`
 */
export function loadTlsFiles(paths: TlsFilePaths, now: Date = new Date()): TlsFiles {
  const remedies = tlsRemedies(paths);
  const caFile = readTlsFile(paths.caCrt, remedies.caCrt);
  const certificateFile = readTlsFile(paths.serverCrt, remedies.serverCrt);
  const keyFile = readTlsFile(paths.serverKey, remedies.serverKey);
  const authorities = parseCertificates(caFile);
  const chain = parseCertificates(certificateFile);
  const key = parseKey(keyFile);
  const [certificate] = chain;
  const orElse = remedies.whenStrangers === undefined ? "" : `, or ${remedies.whenStrangers}`;

  checkValidity(certificate, certificateFile, now);
  if (!certificate.checkPrivateKey(key)) {
    throw unusable(
      `the key "${paths.serverKey}" does not belong to the certificate "${paths.serverCrt}": name the two files of one pair with --server-key and --server-crt${orElse}`,
    );
  }
  const authority = findAuthority(chain, authorities);
  if (authority === undefined) {
    throw unusable(
      `the certificate "${paths.serverCrt}" is not signed by the CA "${paths.caCrt}": name the CA that signed it with --ca-crt${orElse}`,
    );
  }
  checkValidity(authority, caFile, now);

  const trustDomain = trustDomainOf(certificate);
  return {
    caPem: caFile.text,
    certificatePem: certificateFile.text,
    keyPem: keyFile.text,
    ...(trustDomain !== undefined && { trustDomain }),
    warnings: [
      ...modeWarnings(keyFile),
      ...endWarnings(certificate, certificateFile.path, now),
      ...endWarnings(authority, caFile.path, now),
    ],
  };
}

function readTlsFile(path: string, remedy: Remedy): ReadFile {
  try {
    // Not blocking, so that a FIFO in place of a file can't hold up the start.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile()) {
        throw new Error("it is not a regular file");
      }
      if (stat.size > MAX_FILE_BYTES) {
        throw new Error(`it has ${stat.size} bytes, ${MAX_FILE_BYTES} at most`);
      }
      return { path, text: readFileSync(fd, "utf8"), mode: stat.mode, remedy };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      throw unusable(
        `Aurae requires a signed TLS certificate to run as a server, but failed to load: '${path}': no such file; ${remedy.whenMissing}`,
        error,
      );
    }
    throw unusable(
      `can't read "${path}": ${messageOf(error)}; make it a file that the user of auraed may read`,
      error,
    );
  }
}

function parseCertificates(file: ReadFile): [X509Certificate, ...X509Certificate[]] {
  try {
    const blocks = certificateBlocks(file.text).slice(0, MAX_CERTIFICATES);
    const [first, ...others] = blocks.map((pem) => new X509Certificate(pem));
    if (first !== undefined) {
      return [first, ...others];
    }
  } catch (error) {
    throw notPem(file, "certificate", error);
  }
  throw notPem(file, "certificate");
}

function parseKey(file: ReadFile): KeyObject {
  try {
    return createPrivateKey(file.text);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ERR_MISSING_PASSPHRASE") {
      throw unusable(
        `the key "${file.path}" is encrypted, and nobody is there to type its passphrase: decrypt it with: openssl pkey -in ${file.path}`,
        error,
      );
    }
    throw notPem(file, "private key", error);
  }
}

function notPem(file: ReadFile, what: string, cause?: unknown): AuraeError {
  return unusable(
    `"${file.path}" holds no valid ${what} in PEM form: restore it, or ${file.remedy.whenWrong}`,
    cause,
  );
}

function checkValidity(certificate: X509Certificate, file: ReadFile, now: Date): void {
  const { validFromDate, validToDate } = certificate;
  if (validToDate < now) {
    throw unusable(
      `the certificate "${file.path}" has expired on ${timeText(validToDate)}: renew it, or ${file.remedy.whenWrong}`,
    );
  }
  if (validFromDate > now) {
    throw unusable(
      `the certificate "${file.path}" is not valid before ${timeText(validFromDate)}, and now it is ${timeText(now)}: set the clock, or ${file.remedy.whenWrong}`,
    );
  }
}

/** The CA at the end of the chain that starts with the server's certificate, through intermediates if need be. */
function findAuthority(
  chain: readonly [X509Certificate, ...X509Certificate[]],
  authorities: readonly X509Certificate[],
): X509Certificate | undefined {
  let [current, ...rest] = chain;
  for (;;) {
    const authority = authorities.find((candidate) => isIssuer(candidate, current));
    if (authority !== undefined) {
      return authority;
    }
    const next = rest.find((candidate) => isIssuer(candidate, current));
    if (next === undefined) {
      return undefined;
    }
    rest = rest.filter((candidate) => candidate !== next);
    current = next;
  }
}

function trustDomainOf(certificate: X509Certificate): string | undefined {
  // Names are parted by ", "; a comma within a name is escaped in this text form.
  for (const name of certificate.subjectAltName?.split(", ") ?? []) {
    const domain = /^URI:spiffe:\/\/([a-z0-9._-]{1,255})\//.exec(name)?.[1];
    if (domain !== undefined) {
      return domain;
    }
  }
  return undefined;
}

function modeWarnings(file: ReadFile): string[] {
  if ((file.mode & 0o007) === 0) {
    return [];
  }
  return [
    `every user of this machine can get at the private key "${file.path}": take that away with: chmod 600 ${file.path}`,
  ];
}

/** Short-lived certificates are renewed by something; theirs is a warning only in their last third. */
function endWarnings(certificate: X509Certificate, path: string, now: Date): string[] {
  const { validFromDate, validToDate } = certificate;
  const leftMs = validToDate.getTime() - now.getTime();
  const lifeMs = validToDate.getTime() - validFromDate.getTime();
  if (leftMs > Math.min(WARN_DAYS * DAY_MS, lifeMs / 3)) {
    return [];
  }
  return [`the certificate "${path}" expires on ${timeText(validToDate)}: renew it before`];
}

function timeText(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

/** One line, whatever the path or the system's text holds. */
function unusable(message: string, cause?: unknown): AuraeError {
  return new AuraeError("failed_precondition", message.replace(/[\0-\x1f\x7f-\x9f]+/g, " "), {
    cause,
  });
}
