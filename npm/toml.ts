/** TOML in the npm package, in the place of src/client/toml.ts: Node has no parser of its own. */
export { parse as parseToml } from "smol-toml";
