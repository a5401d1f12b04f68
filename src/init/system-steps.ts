/** The machine's name, and how many files a process may have open. */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { HOSTNAME_FILE } from "../base/machine-files.ts";
import { RLIMIT_NOFILE } from "../kernel/abi/resource.ts";
import { isErrno } from "../kernel/sys/error.ts";
import { syscall } from "../kernel/sys/syscall.ts";
import { type NetworkContext, staticAddresses } from "./network-steps.ts";
import type { BootStep } from "./steps.ts";

/** The kernel's own ceiling (fs.nr_open) when nobody has moved it. */
const OPEN_FILES = 1_048_576n;
const FALLBACK_NAME = "auraed";
const MAX_NAME_BYTES = 64;
/** What the kernel calls a machine that nobody named. */
const UNNAMED = new Set(["", "(none)"]);

function nameFromFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim() || undefined;
  } catch (error) {
    if (isErrno(error, "ENOENT")) {
      return undefined;
    }
    throw error;
  }
}

/** What does not fit is cut off. @throws {SyscallError} */
export function setHostName(name: string): void {
  const bytes = Buffer.from(name).subarray(0, MAX_NAME_BYTES);
  syscall("sethostname", JSON.stringify(name), bytes, bytes.length);
}

/** The kernel takes `hostname=` by itself; then come our site's file, the image's, and `ip=`. */
function nameMachine(context: NetworkContext): undefined {
  if (!UNNAMED.has(hostname())) {
    return undefined;
  }
  const name =
    nameFromFile(HOSTNAME_FILE) ??
    nameFromFile("/etc/hostname") ??
    staticAddresses(context.commandLine).find((it) => it.hostname !== undefined)?.hostname ??
    FALLBACK_NAME;
  setHostName(name);
  return undefined;
}

function raiseOpenFiles(): undefined {
  const limits = new BigUint64Array([OPEN_FILES, OPEN_FILES]);
  syscall("prlimit64", "RLIMIT_NOFILE", 0, RLIMIT_NOFILE, limits, null);
  return undefined;
}

export const SYSTEM_STEPS: readonly BootStep<NetworkContext>[] = [
  { name: "set the host name", onFailure: "warn", run: nameMachine },
  { name: "raise the limit of open files", onFailure: "warn", run: raiseOpenFiles },
];
