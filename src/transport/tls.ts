/** The TLS settings of every listener: the client's certificate is required, always. */
import { constants } from "node:crypto";
import type { SecureServerOptions } from "node:http2";
import type { Limits } from "./limits.ts";

/** What the server shows, and the CA that clients' certificates must come from. */
export interface TlsMaterial {
  readonly caPem: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** What can be swapped while the server runs. */
export function credentialOptions(material: TlsMaterial): SecureServerOptions {
  return {
    ca: material.caPem,
    cert: material.certificatePem,
    key: material.keyPem,
    minVersion: "TLSv1.2",
    requestCert: true,
    rejectUnauthorized: true,
    // A resumed session is not checked against the CA again, so a changed CA would not reach those who hold a ticket.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}

export function serverOptions(material: TlsMaterial, limits: Limits): SecureServerOptions {
  return {
    ...credentialOptions(material),
    allowHTTP1: true,
    ALPNProtocols: ["h2", "http/1.1"],
    handshakeTimeout: limits.handshakeTimeoutMs,
    maxSessionRejectedStreams: limits.maxRefusedStreams,
    settings: {
      enablePush: false,
      maxConcurrentStreams: limits.maxConcurrentStreams,
      maxHeaderListSize: limits.maxHeaderBytes,
    },
    ...{ maxHeaderSize: limits.maxHeaderBytes },
  };
}
