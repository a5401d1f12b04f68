/**
 * The certificates of what a developer starts from this folder, a daemon or a virtual machine, and the configuration
 * with which `aer` finds it. They are for trying things out.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { EXECUTABLE, ROOT } from "./paths.ts";
import { run } from "./run.ts";

/** A client certificate with the role admin, which `auraed pki` makes unless told otherwise. */
const CLIENT = "nova";

export interface LocalPki {
  readonly dir: string;
  readonly ca: string;
  readonly clientCertificate: string;
  readonly clientKey: string;
  readonly serverCertificate: string;
  readonly serverKey: string;
  /** The configuration of `aer`. */
  readonly config: string;
}

/** Where its files are. @param state the folder that holds the PKI and the configuration */
export function localPkiIn(state: string): LocalPki {
  const dir = join(state, "pki");
  return {
    dir,
    ca: join(dir, "ca.crt"),
    clientCertificate: join(dir, `_signed.client.${CLIENT}.crt`),
    clientKey: join(dir, `client.${CLIENT}.key`),
    serverCertificate: join(dir, "_signed.server.crt"),
    serverKey: join(dir, "server.key"),
    config: join(state, "config"),
  };
}

/**
 * Makes what is missing of it. A configuration that names other paths, since the folder was moved, goes.
 * @param address what the configuration leads to: a socket's path, or IP:PORT
 * @returns how it went, for the line about this step
 */
export async function ensureLocalPki(pki: LocalPki, address: string): Promise<string> {
  const { config, dir, ...files } = pki;
  mkdirSync(join(dir, ".."), { recursive: true, mode: 0o700 });
  const isCurrent = (text: string) =>
    text.includes(JSON.stringify(address)) && text.includes(JSON.stringify(pki.ca));
  const hasConfig = existsSync(config) && isCurrent(readFileSync(config, "utf8"));
  if (hasConfig && Object.values(files).every((path) => existsSync(path))) {
    return "there already";
  }
  rmSync(config, { force: true });
  await run([EXECUTABLE, "pki", "--dir", dir, "--config", config, "--socket", address]);
  return "ok";
}

/** A path as one types it in this folder. */
export function shortPath(path: string): string {
  const inside = relative(ROOT, path);
  return inside.startsWith("..") ? path : inside;
}

/** The flags of curl that show who calls. */
export function curlIdentity(pki: LocalPki): string {
  return [
    `--cacert ${shortPath(pki.ca)}`,
    `--cert ${shortPath(pki.clientCertificate)}`,
    `--key ${shortPath(pki.clientKey)}`,
  ].join(" ");
}
