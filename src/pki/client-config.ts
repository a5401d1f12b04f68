/**
 * The text of a client's configuration file, TOML, with the original's keys. Paths are absolute: clients expand nothing.
 */

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

/** A TOML basic string: JSON's escapes are a subset of its own, but it also wants DEL escaped. */
function tomlString(text: string): string {
  return JSON.stringify(text).replaceAll("\x7f", "\\u007f");
}
