/**
 * Who a peer is: made once a connection, from its verified certificate and, on Unix sockets, from the kernel's word
 * on who connected. What it may do is decided in policy.ts.
 */
import { certificateNames } from "./certificate.ts";
import { parseSpiffeId, type SpiffeId } from "./spiffe-id.ts";

export interface Principal {
  /** From a certificate with exactly one URI name, which is a SPIFFE ID with a path. */
  readonly spiffeId?: SpiffeId;
  readonly dnsNames: readonly string[];
  readonly commonName?: string;
  /** The user id of the process at the other end of a Unix socket. */
  readonly uid?: number;
  /** Whether it is on this machine. */
  readonly isLocal?: boolean;
  /** How logs and refusals call it. */
  readonly name: string;
}

/**
 * The SPIFFE ID of a leaf certificate: its only URI name, with a path, and not in a certificate that may sign others
 * (X509-SVID specification, sections 2 and 4).
 */
function spiffeIdOf(uris: readonly string[], isAuthority: boolean): SpiffeId | undefined {
  const [uri] = uris;
  if (uri === undefined || uris.length !== 1 || isAuthority) {
    return undefined;
  }
  const id = parseSpiffeId(uri);
  return id !== undefined && id.segments.length > 0 ? id : undefined;
}

/**
 * @param certificate in DER, already verified
 * @throws {DerError} if the certificate can't be read
 */
export function principalFromCertificate(
  certificate: Uint8Array,
  uid?: number,
  isLocal = false,
): Principal {
  const names = certificateNames(certificate);
  const spiffeId = spiffeIdOf(names.uris, names.isAuthority);
  const { commonName, dnsNames } = names;
  const certified =
    spiffeId?.uri ??
    (dnsNames[0] !== undefined ? `dns:${dnsNames[0]}` : undefined) ??
    (commonName !== undefined ? `cn:${commonName}` : undefined) ??
    "a certificate without a name";
  return {
    dnsNames,
    name: uid === undefined ? certified : `${certified} (uid ${uid})`,
    isLocal,
    ...(spiffeId === undefined ? {} : { spiffeId }),
    ...(commonName === undefined ? {} : { commonName }),
    ...(uid === undefined ? {} : { uid }),
  };
}

/** What the server asks of every new connection. `peerUid` reads SO_PEERCRED of a descriptor. */
export function createIdentify(
  peerUid: (fd: number) => number | undefined,
): (peer: { certificate: Uint8Array; unixFd: number | undefined; isLocal: boolean }) => Principal {
  return ({ certificate, unixFd, isLocal }) =>
    principalFromCertificate(
      certificate,
      unixFd === undefined ? undefined : peerUid(unixFd),
      isLocal,
    );
}
