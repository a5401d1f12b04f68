/** Reads what `createClient` was told: which configuration file, and what goes before it. */
import { Code, ConnectError } from "@connectrpc/connect";
import { nearest } from "../base/suggest.ts";
import type { ConfigOverrides } from "../client/config.ts";
import { quoted } from "./message/refusal.ts";

/** What was asked for. */
export interface ConfigRequest {
  readonly path: string | undefined;
  readonly context: string | undefined;
  readonly overrides: ConfigOverrides;
}

const SPELLINGS: Readonly<Record<string, "path" | "context" | keyof ConfigOverrides>> = {
  config: "path",
  context: "context",
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
    return { path: undefined, context: undefined, overrides: {} };
  }
  if (typeof options === "string") {
    return { path: text("path", options), context: undefined, overrides: {} };
  }
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw wrong(`want a configuration file's path or options, not ${quoted(options)}`);
  }
  let path: string | undefined;
  let context: string | undefined;
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
    } else if (field === "context") {
      context = text(key, value);
    } else {
      overrides[field] = text(key, value);
    }
  }
  return { path, context, overrides };
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
