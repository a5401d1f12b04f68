/** The daemon's command line, with the original's flags and defaults. */
import { isIP } from "node:net";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { AuraeError, messageOf } from "../base/errors.ts";
import type { Address } from "../transport/address.ts";
import { MAX_PATH_BYTES } from "../transport/unix-socket.ts";

export interface DaemonConfig {
  readonly serverCrt: string;
  readonly serverKey: string;
  readonly caCrt: string;
  /** The CA that guests get their certificates from; undefined: they get none. */
  readonly vmCa: { readonly certificate: string; readonly key: string } | undefined;
  /** As they were asked for; empty: the default of the role. */
  readonly sockets: readonly Address[];
  readonly runtimeDir: string;
  readonly libraryDir: string;
  /** The policy file, and whether it was asked for by name. */
  readonly policy: { readonly path: string; readonly required: boolean };
  readonly verbose: boolean;
  readonly nested: boolean;
  /** Whether /init started us to be the machine's init in its place. */
  readonly pid1: boolean;
}

export const USAGE = `auraed: the daemon that owns this machine's processes

Usage: auraed [OPTIONS]
       auraed pki [OPTIONS]      make a CA, server and client certificates
       auraed spawn [OPTIONS]    make an OCI bundle of this executable (not yet)

Options:
      --server-crt FILE   the server's certificate [default: /etc/aurae/pki/_signed.server.crt]
      --server-key FILE   its private key [default: /etc/aurae/pki/server.key]
      --ca-crt FILE       the CA that clients' certificates come from [default: /etc/aurae/pki/ca.crt]
      --policy FILE       grants of roles to principals [default: /etc/aurae/policy.toml, if it is there]
      --vm-ca-crt FILE    a CA that signs certificates for virtual machines; without it they get none
      --vm-ca-key FILE    its private key
  -s, --socket ADDR       where to listen: a path, or IP:PORT; may be given more than once
                          [default: [::]:8080 as PID 1, otherwise RUNTIME_DIR/aurae.sock]
  -r, --runtime-dir DIR   [default: /var/run/aurae]
  -l, --library-dir DIR   [default: /var/lib/aurae]
  -v, --verbose           log everything
      --nested            run as a cell's daemon (not yet)
  -h, --help
  -V, --version
`;

const OPTIONS = {
  "server-crt": { type: "string", default: "/etc/aurae/pki/_signed.server.crt" },
  "server-key": { type: "string", default: "/etc/aurae/pki/server.key" },
  "ca-crt": { type: "string", default: "/etc/aurae/pki/ca.crt" },
  policy: { type: "string" },
  "vm-ca-crt": { type: "string" },
  "vm-ca-key": { type: "string" },
  socket: { type: "string", short: "s", multiple: true },
  "runtime-dir": { type: "string", short: "r", default: "/var/run/aurae" },
  "library-dir": { type: "string", short: "l", default: "/var/lib/aurae" },
  verbose: { type: "boolean", short: "v", default: false },
  ritz: { type: "boolean", default: false },
  nested: { type: "boolean", default: false },
  pid1: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
  version: { type: "boolean", short: "V", default: false },
} as const;

export type DaemonCommand =
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  | { readonly kind: "run"; readonly config: DaemonConfig };

/** @throws {AuraeError} invalid_argument naming what is wrong with the command line */
export function parseDaemonArgs(args: readonly string[]): DaemonCommand {
  const { values } = parse(args);
  if (values.help) {
    return { kind: "help" };
  }
  if (values.version) {
    return { kind: "version" };
  }
  return {
    kind: "run",
    config: {
      serverCrt: values["server-crt"],
      serverKey: values["server-key"],
      caCrt: values["ca-crt"],
      vmCa: vmCaFrom(values["vm-ca-crt"], values["vm-ca-key"]),
      sockets: (values.socket ?? []).map(addressFromSocket),
      runtimeDir: values["runtime-dir"],
      libraryDir: values["library-dir"],
      policy: {
        path: values.policy ?? "/etc/aurae/policy.toml",
        required: values.policy !== undefined,
      },
      verbose: values.verbose || values.ritz,
      nested: values.nested,
      pid1: values.pid1,
    },
  };
}

/** @throws {AuraeError} invalid_argument for one without the other */
function vmCaFrom(certificate: string | undefined, key: string | undefined): DaemonConfig["vmCa"] {
  if (certificate !== undefined && key !== undefined) {
    return { certificate, key };
  }
  if (certificate !== undefined || key !== undefined) {
    throw new AuraeError("invalid_argument", "--vm-ca-crt and --vm-ca-key go together: give both");
  }
  return undefined;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: false });
  } catch (error) {
    throw new AuraeError("invalid_argument", messageOf(error), { cause: error });
  }
}

/** What nobody means as a path: `localhost:8080`, `:8080`, `::1:8080`, `[::1]`. */
const LIKE_TCP = /^(?:[^/]*:\d+|\[[^/]*)$/;

/**
 * Where a `--socket` points: `127.0.0.1:8080` and `[::1]:8080` are TCP, everything else is a path. Names of hosts are
 * refused: which addresses one has may change, and a daemon listens on those that it was told.
 * @throws {AuraeError} invalid_argument for what is neither
 */
export function addressFromSocket(socket: string): Address {
  const wrong = (fault: string) =>
    new AuraeError("invalid_argument", `--socket "${socket}": ${fault}`);
  const match = /^(?:\[([^\]]+)\]|([^:[\]/]+)):(\d+)$/.exec(socket);
  const host = match?.[1] ?? match?.[2] ?? "";
  if (match !== null && isIP(host.split("%")[0] ?? "") !== 0) {
    const port = Number(match[3]);
    if (port > 65_535) {
      throw wrong("no such port; 65535 is the last");
    }
    return { kind: "tcp", host, port };
  }
  if (socket === "") {
    throw wrong("give a path or IP:PORT");
  }
  if (LIKE_TCP.test(socket)) {
    throw wrong(
      `give IP:PORT, such as 127.0.0.1:8080 or [::]:8080, or ./${socket} for a socket of that name`,
    );
  }
  const bytes = Buffer.byteLength(socket);
  if (bytes > MAX_PATH_BYTES) {
    throw wrong(`a socket's path has at most ${MAX_PATH_BYTES} bytes, and this has ${bytes} bytes`);
  }
  return { kind: "unix", path: socket };
}

/** Where /init's relay has what comes by vsock (ffi/vsock.h). */
const VSOCK: Address = { kind: "relay", path: "/run/aurae/vsock.sock", from: "vsock port 8080" };

/**
 * Where to listen: as told, or what the role does by default; and as a machine's init on vsock, too.
 * @param hasVsock whether the machine has a vsock device
 */
export function listenAddresses(
  config: DaemonConfig,
  asPid1: boolean,
  hasVsock: boolean,
): readonly Address[] {
  const relayed = asPid1 && hasVsock ? [VSOCK] : [];
  if (config.sockets.length > 0) {
    return [...config.sockets, ...relayed];
  }
  return asPid1
    ? [{ kind: "tcp", host: "::", port: 8080 }, ...relayed]
    : [{ kind: "unix", path: join(config.runtimeDir, "aurae.sock") }];
}
