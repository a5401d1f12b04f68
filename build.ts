/**
 * The project's one tool for developers: `bun build.ts <command> …`, or `npm start` and `npm test`, which set up
 * what it needs first. Each command is a module in `build/`; this file only chooses.
 */
import { BuildError } from "./build/error.ts";
import { runCommand } from "./build/commands.ts";

try {
  await runCommand(process.argv.slice(2));
} catch (error) {
  console.error(
    error instanceof BuildError
      ? `auraed: ${error.message}`
      : Bun.inspect(error, { colors: false }),
  );
  process.exitCode = 1;
}
