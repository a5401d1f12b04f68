/**
 * The command line of `auraed pki`, read and checked: everything that is wrong with the words themselves is found
 * here, before any file is looked at.
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { AuraeError, messageOf } from "../base/errors.ts";
import {
  type ClientSpec,
  DEFAULT_CLIENTS,
  DEFAULT_PKI_DIR,
  isClientName,
  isRole,
  isTrustDomain,
} from "./layout.ts";

export interface PkiOptions {
  readonly help: boolean;
  /** Absolute. */
  readonly dir: string;
  /** Undefined: that of the CA which is there, else the default. */
  readonly trustDomain: string | undefined;
  readonly clients: readonly ClientSpec[];
  readonly days: number;
  readonly force: boolean;
  /** Where to write a client's configuration, absolute; undefined: nowhere. */
  readonly config: string | undefined;
  readonly socket: string;
}

export const DEFAULT_SOCKET = "/var/run/aurae/aurae.sock";
const DEFAULT_DAYS = 365;
const MAX_DAYS = 36_500;
const MAX_CLIENTS = 100;

export const USAGE = `Usage: auraed pki [options]

Makes the certificates that auraed and its clients use: a certificate
authority, one certificate for the server, and one for each client. What
exists is kept; what is missing is issued from the authority that is there.

Options:
  --dir DIR              where the files are (default ${DEFAULT_PKI_DIR})
  --trust-domain DOMAIN  SPIFFE trust domain (default: that of the authority
                         which is there, else unsafe.aurae.io)
  --client NAME[:ROLE]   a client to make; repeatable. Role: admin, reader or
                         boot, or one that a policy file names (default that
                         of the name below, else reader). Without it:
                         nova:admin, system:admin, unsafe:reader, boot:boot
  --days N               how long server and client certificates are valid
                         (default ${DEFAULT_DAYS}; a new authority: ten years, or
                         N days where that is longer)
  --force                start over: make a new authority, and replace the files
                         of the server and of these clients, and --config
  --config FILE          also write a configuration file for aer, for the
                         first client that is an admin
  --socket SOCKET        the daemon's address in that file: a path or
                         IP:PORT (default ${DEFAULT_SOCKET})
  -h, --help             print this

Keys are readable by their owner only. To renew a certificate, remove its two
files and run this again.
`;

/** @throws AuraeError `invalid_argument`, for words that can't be right. */
export function parsePkiOptions(args: readonly string[]): PkiOptions {
  const values = parseWords(args);
  if (values.trustDomain !== undefined && !isTrustDomain(values.trustDomain)) {
    throw usageError("--trust-domain", values.trustDomain, "a lower-case DNS name");
  }
  if (values.socket !== undefined && values.config === undefined) {
    throw new AuraeError("invalid_argument", "--socket is for --config, which is missing");
  }
  return {
    help: values.help ?? false,
    dir: resolve(pathFrom("--dir", values.dir ?? DEFAULT_PKI_DIR)),
    trustDomain: values.trustDomain,
    clients: values.client === undefined ? DEFAULT_CLIENTS : parseClients(values.client),
    days: parseDays(values.days),
    force: values.force ?? false,
    config: values.config === undefined ? undefined : resolve(pathFrom("--config", values.config)),
    socket: pathFrom("--socket", values.socket ?? DEFAULT_SOCKET),
  };
}

function parseWords(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: {
        dir: { type: "string" },
        "trust-domain": { type: "string" },
        client: { type: "string", multiple: true },
        days: { type: "string" },
        force: { type: "boolean" },
        config: { type: "string" },
        socket: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
    return { ...values, trustDomain: values["trust-domain"] };
  } catch (error) {
    // Its first sentence is about the words; the others are about how Node would like them quoted.
    const [first = ""] = messageOf(error).split(/\. |\n/);
    const message = `${first.charAt(0).toLowerCase()}${first.slice(1)}`;
    throw new AuraeError("invalid_argument", message, { cause: error });
  }
}

function parseClients(texts: readonly string[]): ClientSpec[] {
  if (texts.length > MAX_CLIENTS) {
    throw new AuraeError(
      "invalid_argument",
      `--client stands ${texts.length} times, ${MAX_CLIENTS} at most`,
    );
  }
  const clients = new Map<string, ClientSpec>();
  for (const text of texts) {
    const client = parseClient(text);
    if (clients.has(client.name)) {
      throw new AuraeError("invalid_argument", `--client names "${client.name}" twice`);
    }
    clients.set(client.name, client);
  }
  return [...clients.values()];
}

function parseClient(text: string): ClientSpec {
  const colon = text.indexOf(":");
  const name = colon < 0 ? text : text.slice(0, colon);
  const known = DEFAULT_CLIENTS.find((client) => client.name === name)?.role;
  const role = colon < 0 ? (known ?? "reader") : text.slice(colon + 1);
  if (!isClientName(name)) {
    throw usageError(
      "--client",
      text,
      'a name of up to 63 lower-case letters, digits and hyphens, and not "server" or "localhost"',
    );
  }
  if (!isRole(role)) {
    throw usageError("--client", text, "NAME or NAME:ROLE, with a role such as admin or reader");
  }
  return { name, role };
}

function parseDays(text: string | undefined): number {
  const days = text === undefined ? DEFAULT_DAYS : /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (days < 1 || days > MAX_DAYS) {
    throw usageError("--days", text ?? "", `a whole number from 1 to ${MAX_DAYS}`);
  }
  return days;
}

function pathFrom(option: string, text: string): string {
  if (text === "" || text.includes("\0")) {
    throw usageError(option, text, "a path");
  }
  return text;
}

function usageError(option: string, value: string, wanted: string): AuraeError {
  return new AuraeError("invalid_argument", `${option} is ${JSON.stringify(value)}, not ${wanted}`);
}
