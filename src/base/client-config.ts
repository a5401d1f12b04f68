/**
 * The text of a client's configuration file, TOML, with the original's keys. Paths are absolute: clients expand nothing.
 */
import { tomlString } from "./toml-string.ts";

export interface ClientConfig {
  readonly caCrt: string;
  readonly clientCrt: string;
  readonly clientKey: string;
  readonly socket: string;
  /** The name that the server's certificate has to carry. Left out: the usual one. */
  readonly serverName?: string | undefined;
}

export function clientConfigToml(config: ClientConfig): string {
  const { serverName } = config;
  const name = serverName === undefined ? "" : `server_name = ${tomlString(serverName)}\n`;
  return `[auth]
ca_crt = ${tomlString(config.caCrt)}
client_crt = ${tomlString(config.clientCrt)}
client_key = ${tomlString(config.clientKey)}
${name}
[system]
socket = ${tomlString(config.socket)}
`;
}
