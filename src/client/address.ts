/**
 * Where a daemon listens, as the configuration's `socket` and the flag `--socket` write it. Knows the text forms and
 * nothing of connecting.
 */
import { AuraeError } from "../base/errors.ts";

/** `sockaddr_un.sun_path` less its closing NUL (unix(7)). */
export const UNIX_PATH_MAX_BYTES = 107;

export type Address =
  | { readonly kind: "unix"; readonly path: string }
  /** A port of a virtual machine, by its monitor's socket on the host. */
  | { readonly kind: "vsock"; readonly path: string; readonly port: number }
  | {
      readonly kind: "tcp";
      /** A name or an IP address, without brackets. */
      readonly host: string;
      readonly port: number;
      /** The scope of a link-local IPv6 address (RFC 4007): an interface's number or name. */
      readonly zone?: string;
    };

const IPV6 = /^\[([0-9a-fA-F:.]+)(?:%([0-9A-Za-z_.-]+))?\]:(\d+)$/;
const VSOCK = /^vsock:(.*\/.*):(\d+)$/s;
const HOST = /^([0-9A-Za-z](?:[0-9A-Za-z.-]*[0-9A-Za-z])?):(\d+)$/;

/**
 * Reads `[fe80::2%4]:8080`, `[::1]:8080`, `127.0.0.1:8080`, `machine.example:8080`, and for a virtual machine of this host
 * `vsock:/run/aurae/vms/ID/vsock.sock:8080`; all else is the path of a Unix socket. A socket whose name looks like
 * `host:port` is written `./host:port`.
 *
 * @throws AuraeError `invalid_argument`
 */
export function parseAddress(text: string): Address {
  const v6 = IPV6.exec(text);
  if (v6 !== null) {
    const [, host = "", zone, port = ""] = v6;
    if (!isIPv6(host)) {
      throw new AuraeError(
        "invalid_argument",
        `read address "${text}": "${host}" is no IPv6 address`,
      );
    }
    return {
      kind: "tcp",
      host,
      port: parsePort(text, port),
      ...(zone === undefined ? {} : { zone }),
    };
  }
  if (text.startsWith("[")) {
    throw new AuraeError("invalid_argument", `read address "${text}": want "[IPv6 address]:port"`);
  }
  const vsock = VSOCK.exec(text);
  if (vsock !== null) {
    const [, path = "", port = ""] = vsock;
    checkPath(text, path);
    return { kind: "vsock", path, port: parsePort(text, port) };
  }
  const named = HOST.exec(text);
  if (named !== null) {
    return { kind: "tcp", host: named[1] ?? "", port: parsePort(text, named[2] ?? "") };
  }
  checkPath(text, text);
  return { kind: "unix", path: text };
}

function checkPath(text: string, path: string): void {
  if (path === "" || path.includes("\0")) {
    throw new AuraeError("invalid_argument", "read address: want a socket's path or host:port");
  }
  const bytes = Buffer.byteLength(path);
  if (bytes > UNIX_PATH_MAX_BYTES) {
    throw new AuraeError(
      "invalid_argument",
      `read address "${text}": a socket's path has at most ${UNIX_PATH_MAX_BYTES} bytes, this has ${bytes}`,
    );
  }
}

/** The address as a person would write it. */
export function addressText(address: Address): string {
  if (address.kind === "unix") {
    return address.path;
  }
  if (address.kind === "vsock") {
    return `vsock:${address.path}:${address.port}`;
  }
  return `${hostText(address)}:${address.port}`;
}

function hostText({ host, zone }: { readonly host: string; readonly zone?: string }): string {
  if (!host.includes(":")) {
    return host;
  }
  return zone === undefined ? `[${host}]` : `[${host}%${zone}]`;
}

function parsePort(text: string, digits: string): number {
  const port = Number(digits);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new AuraeError("invalid_argument", `read address "${text}": want a port of 1 to 65535`);
  }
  return port;
}

function isIPv6(host: string): boolean {
  return URL.canParse(`http://[${host}]/`);
}
