/** Names of executables in a cell, and the directory name that stands for each in cgroupfs and among the outputs. */
import { AuraeError } from "../../base/errors.ts";

declare const brand: unique symbol;
/** A valid name: 1 to 128 bytes without `/` or control characters, and not `.` or `..`. */
export type ExecutableName = string & { readonly [brand]: "ExecutableName" };

const MAX_BYTES = 128;
const NAME = /^[^/\0-\x1f\x7f]+$/;

/** @throws {AuraeError} invalid_argument */
export function executableName(text: string): ExecutableName {
  if (
    !NAME.test(text) ||
    text === "." ||
    text === ".." ||
    Buffer.byteLength(text) > MAX_BYTES ||
    !text.isWellFormed()
  ) {
    throw new AuraeError(
      "invalid_argument",
      `executable name ${JSON.stringify(text.slice(0, 64))} is not 1 to ${MAX_BYTES} bytes without "/" and control characters`,
    );
  }
  return text as ExecutableName;
}

/** Keeps a name apart from the kernel's files (`cgroup.procs`) and from everything else: no cell's name has a dot. */
const PREFIX = "exe.";

export function directoryName(name: ExecutableName): string {
  return `${PREFIX}${name}`;
}

/** The name that a directory stands for; undefined for one of something else. */
export function nameOfDirectory(directory: string): string | undefined {
  return directory.startsWith(PREFIX) ? directory.slice(PREFIX.length) : undefined;
}
