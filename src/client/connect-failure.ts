/**
 * Turns what the HTTP client throws when no connection comes about into one status, UNAVAILABLE, whose message names
 * the address and the remedy. What the daemon itself answered does not come through here. Imported only then.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import { messageOf } from "../base/errors.ts";
import { type Address, addressText } from "./address.ts";
import { faultsOfCredentials } from "./credential-faults.ts";
import type { CredentialPaths, Credentials } from "./credentials.ts";

export interface ConnectFailureContext {
  readonly address: Address;
  readonly serverName: string;
  readonly credentials: Credentials;
  readonly paths: CredentialPaths;
}

/** The status for a connection that broke while an answer was read. An abort is handed on as it is. */
export function connectionLost(error: unknown, address: Address): unknown {
  if (error instanceof ConnectError || isAbort(error)) {
    return error;
  }
  return new ConnectError(
    `the connection to "${addressText(address)}" broke: ${wordsOf(error)}`,
    Code.Unavailable,
    undefined,
    undefined,
    error,
  );
}

/** The status for a connection that did not come about. An abort is handed on as it is. */
export function connectFailure(error: unknown, context: ConnectFailureContext): unknown {
  if (error instanceof ConnectError || isAbort(error)) {
    return error;
  }
  const reason = reasonOf(String((error as { code?: unknown }).code), context);
  const where = addressText(context.address);
  return new ConnectError(
    `connect to "${where}": ${reason ?? wordsOf(error)}`,
    Code.Unavailable,
    undefined,
    undefined,
    error,
  );
}

/** Bun's messages go on to explain its API, which is no help to whoever runs a client. */
function wordsOf(error: unknown): string {
  const code = String((error as { code?: unknown }).code);
  return code === "ECONNRESET"
    ? "the other side closed it"
    : messageOf(error).replace(/\.? For more information, pass .*$/s, "");
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");
}

function reasonOf(code: string, context: ConnectFailureContext): string | undefined {
  const { address, serverName, paths } = context;
  switch (code) {
    case "VSOCK_REFUSED":
      return "nobody listens on this port of the virtual machine; wait until its auraed is up, or give another port";
    case "VSOCK_ANSWER":
      return "what listens on this socket is no monitor of a virtual machine";
    case "ENOENT":
      if (address.kind === "vsock") {
        return "no such socket; start the virtual machine, and give it a vsock device";
      }
      return 'no such socket; start auraed, or give its address in "[system] socket" or --socket';
    case "ECONNREFUSED":
    case "ConnectionRefused":
      return address.kind === "unix"
        ? "nobody listens on this socket; start auraed"
        : "nobody listens there; start auraed with a listener on this address";
    case "EACCES":
    case "EPERM":
      return "this user may not use the socket; run as its owner or a member of its group";
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return `the server's certificate is not for "${serverName}"; give its name in "[auth] server_name" or --server-name`;
    case "CERT_HAS_EXPIRED":
      return "the server's certificate has ended; make a new one and restart auraed";
    case "CERT_NOT_YET_VALID":
      return "the server's certificate is not valid yet; check both clocks";
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "CERT_SIGNATURE_FAILURE":
      return `the server's certificate is not of the CA "${paths.caCrt}"${also(context)}`;
    case "ECONNRESET":
    case "EPIPE":
      return `the server closed the connection: it has ended, or it does not trust "${paths.clientCrt}"${also(context)}`;
    case "EPROTO":
    case "FailedToOpenSocket":
      return `the TLS handshake failed${also(context)}`;
    default:
      return undefined;
  }
}

/** What is wrong with our own files, when that may be why. */
function also({ credentials, paths }: ConnectFailureContext): string {
  const faults = faultsOfCredentials(credentials, paths);
  return faults.length === 0 ? "" : `: ${faults.join("; ")}`;
}
