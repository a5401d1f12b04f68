/** Makes clients, from the same configuration as `aer`. */
import { Code, ConnectError } from "@connectrpc/connect";
import { AuraeError, type ErrorKind } from "../base/errors.ts";
import { addressText } from "../client/address.ts";
import { type ClientConfig, loadConfig } from "../client/config.ts";
import { readCredentials } from "../client/credentials.ts";
import { createDuplexTransport, createTransport } from "../client/transport.ts";
import { Client } from "./client.ts";
import type { AuraeClientOptions, ClientOptions } from "./client-options.ts";
import { configRequest } from "./config-request.ts";
import { currentSettings } from "./settings.ts";

/**
 * Makes a client, from a configuration file or context that is searched for as `aer` does, from the one that is named,
 * or from options, which go before what the file says. Connects to nothing yet.
 *
 * @throws {ConnectError} INVALID_ARGUMENT for options that make no sense, FAILED_PRECONDITION for a configuration or a
 * certificate that is missing or wrong
 */
export async function createClient(
  options?: string | ClientOptions | AuraeClientOptions,
): Promise<Client> {
  return openClient(options);
}

function openClient(options: unknown): Client {
  try {
    const { paths, address, serverName } = configFor(options);
    const target = { address, paths, serverName, credentials: readCredentials(paths) };
    return new Client({
      address: addressText(address),
      transport: createTransport(target),
      duplex: () => createDuplexTransport(target),
    });
  } catch (error) {
    throw error instanceof AuraeError ? connectErrorFrom(error) : error;
  }
}

function configFor(options: unknown): ClientConfig {
  const { config, context, environmentContext, overrides, home, warn } = currentSettings();
  const asked = configRequest(options);
  // What a script names outright is meant, whatever its caller gave for clients that name nothing.
  const isNamed = asked.path !== undefined || asked.context !== undefined;
  const which = isNamed ? asked : { path: config, context };
  return loadConfig({
    ...(which.path === undefined ? {} : { path: which.path }),
    context: which.context,
    environmentContext,
    home,
    overrides: isNamed ? asked.overrides : { ...overrides, ...asked.overrides },
    warn,
  });
}

let shared: Client | undefined;

/** The client of services that are given none: one for all of them. */
export function defaultClient(): Client {
  shared ??= openClient(undefined);
  return shared;
}

const CODES: Readonly<Partial<Record<ErrorKind, Code>>> = {
  invalid_argument: Code.InvalidArgument,
  failed_precondition: Code.FailedPrecondition,
};

function connectErrorFrom(error: AuraeError): ConnectError {
  const code = CODES[error.kind] ?? Code.Unknown;
  return new ConnectError(`createClient: ${error.message}`, code, undefined, undefined, error);
}
