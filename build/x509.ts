/** Makes `dist/x509.js`: `@peculiar/x509` with all that it needs, as one module that the executable carries as a file. */
import { dirname } from "node:path";
import { BuildError } from "./error.ts";
import { inRoot, X509 } from "./paths.ts";
import { digestOf, makeIfStale } from "./stamp.ts";
import { step } from "./step.ts";

const PACKAGE = "@peculiar/x509";

async function bundle(): Promise<void> {
  const result = await Bun.build({
    entrypoints: [Bun.resolveSync(PACKAGE, inRoot())],
    outdir: dirname(X509),
    naming: "x509.js",
    target: "bun",
    format: "esm",
    minify: true,
    throw: false,
  });
  if (!result.success) {
    throw new BuildError(result.logs.map((entry) => Bun.inspect(entry)).join("\n"));
  }
}

/** Made anew when packages have changed. */
export async function buildX509(): Promise<void> {
  await step(`bundle ${PACKAGE}`, async () => {
    const inputs = [inRoot("package-lock.json"), inRoot("build/x509.ts")];
    const digest = digestOf(inputs, Bun.version, Bun.revision);
    return (await makeIfStale("x509", [X509], digest, bundle)) ? "ok" : "up to date";
  });
}
