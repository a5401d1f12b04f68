/**
 * The text of a client's configuration file, TOML, with the original's keys. Paths are absolute: clients expand nothing.
 */
import { tomlString } from "../base/toml-string.ts";

export interface ClientConfig {
  readonly caCrt: string;
  readonly clientCrt: string;
  readonly clientKey: string;
  readonly socket: string;
}

export function clientConfigToml(config: ClientConfig): string {
  return `[auth]
ca_crt = ${tomlString(config.caCrt)}
client_crt = ${tomlString(config.clientCrt)}
client_key = ${tomlString(config.clientKey)}

[system]
socket = ${tomlString(config.socket)}
`;
}
