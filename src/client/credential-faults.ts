/**
 * What is wrong with a client's PEM files, for the message of a connection that failed. Imported only then.
 */
import { X509Certificate, createPrivateKey } from "node:crypto";
import type { CredentialPaths, Credentials } from "./credentials.ts";

/** What is wrong with the files, one sentence each; empty when they look right. Does not check any signature. */
export function faultsOfCredentials(
  credentials: Credentials,
  paths: CredentialPaths,
  now: Date = new Date(),
): readonly string[] {
  const faults: string[] = [];
  certificateOf(credentials.ca, paths.caCrt, now, faults);
  const certificate = certificateOf(credentials.cert, paths.clientCrt, now, faults);
  try {
    const key = createPrivateKey(credentials.key);
    if (certificate !== undefined && !certificate.checkPrivateKey(key)) {
      faults.push(
        `the key "${paths.clientKey}" is not that of the certificate "${paths.clientCrt}"`,
      );
    }
  } catch {
    // ERR_OSSL_*, ERR_INVALID_ARG: whatever the parser's words are, the remedy is the same.
    faults.push(`"${paths.clientKey}" holds no private key in PEM form`);
  }
  return faults;
}

function certificateOf(
  pem: string,
  path: string,
  now: Date,
  faults: string[],
): X509Certificate | undefined {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch {
    // Likewise.
    faults.push(`"${path}" holds no certificate in PEM form`);
    return undefined;
  }
  if (new Date(certificate.validTo) < now) {
    faults.push(`the certificate "${path}" ended at ${certificate.validTo}: make a new one`);
  } else if (new Date(certificate.validFrom) > now) {
    faults.push(
      `the certificate "${path}" begins at ${certificate.validFrom}: check this machine's clock`,
    );
  }
  return certificate;
}
