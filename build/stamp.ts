/**
 * Tells whether an output is older than what it was made from: by content, since a checkout does not keep times. The
 * digest of an output's inputs is kept beside it, in `dist/.stamps`.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { DIST, ROOT } from "./paths.ts";

const STAMPS = join(DIST, ".stamps");

/** A digest over the names and the contents of files, and over whatever else the output depends on. */
export function digestOf(files: readonly string[], ...rest: readonly string[]): string {
  const hash = new Bun.CryptoHasher("sha256");
  for (const text of rest) {
    hash.update(`${text}\0`);
  }
  for (const file of files.toSorted()) {
    hash.update(`${relative(ROOT, file)}\0`);
    hash.update(readFileSync(file));
    hash.update("\0");
  }
  return hash.digest("hex");
}

/**
 * Makes something unless it is there already, made from the same inputs.
 * @param outputs the files that `make` leaves behind
 * @returns whether it had to be made
 */
export async function makeIfStale(
  name: string,
  outputs: readonly string[],
  digest: string,
  make: () => Promise<void>,
): Promise<boolean> {
  const stamp = join(STAMPS, name);
  const isFresh = existsSync(stamp) && readFileSync(stamp, "utf8") === digest;
  if (isFresh && outputs.every((path) => existsSync(path))) {
    return false;
  }
  await make();
  mkdirSync(STAMPS, { recursive: true });
  writeFileSync(stamp, digest);
  return true;
}
