/**
 * What to do about a TLS file that is missing or wrong. `auraed pki` is advised only where it can help: with the three
 * files in one folder under the names that it gives them. Anywhere else it would make files that nobody reads, or fail
 * after a healthy one was removed. Looks whether files are there and reads none.
 */
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

export interface TlsFilePaths {
  readonly caCrt: string;
  readonly serverCrt: string;
  readonly serverKey: string;
}

export interface Remedy {
  /** When the file is not there. */
  readonly whenMissing: string;
  /** When it is no good and can't be mended. */
  readonly whenWrong: string;
}

export interface TlsRemedies {
  readonly caCrt: Remedy;
  readonly serverCrt: Remedy;
  readonly serverKey: Remedy;
  /** When the files are all right but don't belong together, besides naming others; undefined where that is all. */
  readonly whenStrangers: string | undefined;
}

/** The names of the original's PKI folder, which `auraed pki` uses (src/pki/layout.ts). */
const NAMES = { caCrt: "ca.crt", serverCrt: "_signed.server.crt", serverKey: "server.key" };
const AUTHORITY_KEY = "ca.key";

export function tlsRemedies(paths: TlsFilePaths): TlsRemedies {
  return isPkiFolder(paths) ? folderRemedies(paths) : looseRemedies(paths);
}

function isPkiFolder({ caCrt, serverCrt, serverKey }: TlsFilePaths): boolean {
  const folders = new Set([caCrt, serverCrt, serverKey].map((path) => resolve(dirname(path))));
  return (
    folders.size === 1 &&
    basename(caCrt) === NAMES.caCrt &&
    basename(serverCrt) === NAMES.serverCrt &&
    basename(serverKey) === NAMES.serverKey
  );
}

/** The authority is replaced with all that it signed; the server's pair can be issued anew by itself. */
function folderRemedies({ caCrt, serverCrt, serverKey }: TlsFilePaths): TlsRemedies {
  const folder = dirname(caCrt);
  const make = `auraed pki --dir ${folder}`;
  const startOver = `start over with: auraed pki --force --dir ${folder}`;
  const pair = [serverCrt, serverKey].filter((path) => existsSync(path));
  const remove = pair.map((path) => `"${path}"`).join(" and ");
  const canIssue = existsSync(join(folder, AUTHORITY_KEY));
  // Without the CA's key, which need not be on this machine, nothing is to be removed yet.
  const reissue = canIssue
    ? `remove ${remove} and run: ${make}`
    : `put a new pair there, issued where the key of the CA "${caCrt}" is`;
  const makeMissing = `make the missing ones with: ${make}`;
  const remedy: Remedy = {
    whenMissing: pair.length === 0 && canIssue ? makeMissing : `restore it, or ${reissue}`,
    whenWrong: reissue,
  };
  return {
    caCrt: {
      whenMissing: pair.length === 0 && !canIssue ? makeMissing : `restore it, or ${startOver}`,
      whenWrong: startOver,
    },
    serverCrt: remedy,
    serverKey: remedy,
    whenStrangers: reissue,
  };
}

function looseRemedies({ caCrt, serverCrt, serverKey }: TlsFilePaths): TlsRemedies {
  const fit = `so that "${serverKey}" is the key of "${serverCrt}" and "${caCrt}" the CA that signed it`;
  const remedy = (flag: string): Remedy => ({
    whenMissing: `put one there ${fit}, or name another with ${flag}`,
    whenWrong: `replace it ${fit}`,
  });
  return {
    caCrt: remedy("--ca-crt"),
    serverCrt: remedy("--server-crt"),
    serverKey: remedy("--server-key"),
    whenStrangers: undefined,
  };
}
