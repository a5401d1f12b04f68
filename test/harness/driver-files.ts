/** A program of this folder for auraescript inside of a test VM, bundled: there is no other source of ours in there. */
import { inRoot } from "../../build/paths.ts";

/**
 * @param source in this folder
 * @returns `driver.js`, and what it loads, by their names
 */
export async function driverFiles(source: string): Promise<Record<string, Uint8Array>> {
  const { outputs } = await Bun.build({
    entrypoints: [inRoot(`test/harness/${source}`)],
    target: "bun",
  });
  const files = await Promise.all(
    outputs.map(async (output) => {
      const name = output.kind === "entry-point" ? "driver.js" : output.path.replace("./", "");
      return [name, new Uint8Array(await output.arrayBuffer())] as const;
    }),
  );
  return Object.fromEntries(files);
}
