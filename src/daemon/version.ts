/** The version of this build, from package.json: what Discover, `--version` and the change log say. */
import manifest from "../../package.json" with { type: "json" };

export const VERSION: string = manifest.version;
