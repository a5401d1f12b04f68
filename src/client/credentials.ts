/**
 * The three PEM files that a client proves itself and knows the daemon with. Only reads them: looking inside costs
 * start-up time and is left for when a connection has failed (credential-faults.ts).
 */
import { readFileSync } from "node:fs";
import { AuraeError, messageOf } from "../base/errors.ts";

/** The name that the original's server certificates carry. */
export const DEFAULT_SERVER_NAME = "server.unsafe.aurae.io";

/** Where the files are. */
export interface CredentialPaths {
  readonly caCrt: string;
  readonly clientCrt: string;
  readonly clientKey: string;
}

/** What is in them, as PEM text. */
export interface Credentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const WHAT = {
  caCrt: { name: "ca_crt", words: "the CA's certificate" },
  clientCrt: { name: "client_crt", words: "the client's certificate" },
  clientKey: { name: "client_key", words: "the client's key" },
} as const;

/** @throws AuraeError `failed_precondition` naming the file and the field it came from. */
export function readCredentials(paths: CredentialPaths): Credentials {
  const read = (field: keyof typeof WHAT): string => {
    const { name, words } = WHAT[field];
    try {
      return readFileSync(paths[field], "utf8");
    } catch (error) {
      throw new AuraeError(
        "failed_precondition",
        `read ${words} "${paths[field]}" (${name}): ${reasonOf(error)}`,
        { resource: paths[field], cause: error },
      );
    }
  };
  return { ca: read("caCrt"), cert: read("clientCrt"), key: read("clientKey") };
}

function reasonOf(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOENT":
      return 'no such file; "auraed pki" makes certificates';
    case "EACCES":
      return "not readable for this user; run as its owner or give another one";
    case "EISDIR":
      return "it is a directory";
    default:
      return messageOf(error);
  }
}
