/** Where things are in the repository. */
import { dirname, join } from "node:path";

export const ROOT = dirname(import.meta.dir);
export const DIST = join(ROOT, "dist");
export const FFI_LIBRARY = join(DIST, "ffi/libauraed.so");
export const FFI_INIT = join(DIST, "ffi/init");
export const FFI_LAUNCHER = join(DIST, "ffi/launcher");
export const FFI_CELL_INIT = join(DIST, "ffi/cell-init");
export const FFI_RELAY = join(DIST, "ffi/relay");
/** The library that makes certificates. */
export const X509 = join(DIST, "x509.js");
/** The declarations for scripts, a JSON object of texts by path, compressed. */
export const TYPES = join(DIST, "types/library.json.zst");
/** The library as a package. */
export const NPM_PACKAGE = join(DIST, "npm/aurae");
export const EXECUTABLE = join(DIST, "auraed");

/** The path of a file of the repository. */
export function inRoot(...parts: readonly string[]): string {
  return join(ROOT, ...parts);
}
