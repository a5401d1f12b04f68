/** TOML, by the runtime's own parser. The npm package has another one in this module's place (npm/toml.ts). */

/** @throws {Error} for what is no TOML, with the place */
export function parseToml(text: string): object {
  return Bun.TOML.parse(text);
}
