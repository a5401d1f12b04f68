/**
 * What `createClient` can be told, in both spellings: ours, and the one of scripts for Aurae. Answers with what the
 * configuration is loaded by.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import { nearest } from "../base/suggest.ts";
import type { ConfigOverrides } from "../client/config.ts";
import { quoted } from "./message/refusal.ts";

/** Where the daemon is and who we are; what is left out is taken from the configuration file. */
export interface ClientOptions {
  /** This configuration file, and no other. */
  readonly config?: string | undefined;
  /** A socket's path, `host:port` or `[ipv6%zone]:port`. */
  readonly socket?: string | undefined;
  /** The file of the CA's certificate, PEM. */
  readonly caCrt?: string | undefined;
  /** The file of the client's certificate, PEM. */
  readonly clientCrt?: string | undefined;
  /** The file of the client's key, PEM. */
  readonly clientKey?: string | undefined;
  /** The name that the server's certificate has to carry. */
  readonly serverName?: string | undefined;
}

/** The same as scripts for Aurae write it. */
export type AuraeClientOptions =
  | { readonly kind: "default" }
  | { readonly kind?: "path"; readonly path: string }
  | {
      readonly kind?: "opts";
      readonly ca_crt: string;
      readonly client_crt: string;
      readonly client_key: string;
      readonly socket: string;
    };

/** What was asked for. */
export interface ConfigRequest {
  readonly path: string | undefined;
  readonly overrides: ConfigOverrides;
}

const SPELLINGS: Readonly<Record<string, "path" | keyof ConfigOverrides>> = {
  config: "path",
  path: "path",
  socket: "socket",
  caCrt: "caCrt",
  ca_crt: "caCrt",
  clientCrt: "clientCrt",
  client_crt: "clientCrt",
  clientKey: "clientKey",
  client_key: "clientKey",
  serverName: "serverName",
  server_name: "serverName",
};

const KINDS = ["default", "path", "opts"];

/** @throws {ConnectError} INVALID_ARGUMENT for options that make no sense, each named */
export function configRequest(options: unknown): ConfigRequest {
  if (options === undefined) {
    return { path: undefined, overrides: {} };
  }
  if (typeof options === "string") {
    return { path: text("path", options), overrides: {} };
  }
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw wrong(`want a configuration file's path or options, not ${quoted(options)}`);
  }
  let path: string | undefined;
  const overrides: { -readonly [K in keyof ConfigOverrides]: ConfigOverrides[K] } = {};
  for (const [key, value] of Object.entries(options) as [string, unknown][]) {
    if (value === undefined) {
      continue;
    }
    const field = Object.hasOwn(SPELLINGS, key) ? SPELLINGS[key] : undefined;
    if (key === "kind") {
      checkKind(value);
    } else if (field === undefined) {
      throw wrong(`no option "${key}"${nearest(key, Object.keys(SPELLINGS))}`);
    } else if (field === "path") {
      path = text(key, value);
    } else {
      overrides[field] = text(key, value);
    }
  }
  return { path, overrides };
}

function checkKind(kind: unknown): void {
  if (!KINDS.some((one) => one === kind)) {
    throw wrong(`kind: want one of ${KINDS.join(", ")}, not ${quoted(kind)}`);
  }
}

function text(key: string, value: unknown): string {
  if (typeof value !== "string" || value === "") {
    throw wrong(`${key}: want a string that is not empty, not ${quoted(value)}`);
  }
  return value;
}

function wrong(message: string): ConnectError {
  return new ConnectError(`createClient: ${message}`, Code.InvalidArgument);
}
