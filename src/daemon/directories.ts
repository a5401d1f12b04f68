/** The daemon's own directories. */
import { accessSync, constants, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { AuraeError, messageOf } from "../base/errors.ts";

/**
 * Makes a directory with its parents, if it is not there, and sees that it can be written to.
 * @param flag the flag that chooses it, for the message
 * @param mode of the directory itself, where it is made
 * @throws {AuraeError} failed_precondition
 */
export function ensureDirectory(path: string, flag: string, mode = 0o755): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    mkdirSync(path, { recursive: true, mode });
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new AuraeError(
      "failed_precondition",
      `cannot write to the directory "${path}": ${messageOf(error)}; choose another with ${flag}, or run as root`,
      { cause: error },
    );
  }
}
