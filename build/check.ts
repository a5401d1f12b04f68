/** `check`: everything that can be said of the sources without running them. */
import { checkBreaking, checkGenerated, checkLock, lintProtos } from "./gen.ts";
import { BuildError } from "./error.ts";
import { run } from "./run.ts";
import { step } from "./step.ts";

export interface Check {
  readonly name: string;
  readonly run: () => Promise<void>;
}

function tool(...argv: readonly string[]): () => Promise<void> {
  return async () => {
    await run(argv);
  };
}

export const CHECKS: readonly Check[] = [
  { name: "types", run: tool(process.execPath, "check") },
  { name: "format", run: tool(process.execPath, "fmt", "--check") },
  { name: "lint", run: tool("biome", "lint", "--error-on-warnings") },
  { name: "proto-lint", run: lintProtos },
  { name: "proto-breaking", run: checkBreaking },
  { name: "proto-lock", run: checkLock },
  { name: "generated", run: checkGenerated },
];

/** Runs all checks, or those named, to the end. @throws {BuildError} when one failed */
export async function checkCommand(args: readonly string[]): Promise<void> {
  const unknown = args.find((name) => CHECKS.every((check) => check.name !== name));
  if (unknown !== undefined) {
    const names = CHECKS.map(({ name }) => name).join(", ");
    throw new BuildError(`no check "${unknown}": there are ${names}`);
  }
  const failed: string[] = [];
  for (const check of CHECKS) {
    if (args.length === 0 || args.includes(check.name)) {
      try {
        await step(check.name, check.run);
      } catch {
        failed.push(check.name);
      }
    }
  }
  if (failed.length > 0) {
    throw new BuildError(`failed: ${failed.join(", ")}`);
  }
}
