/** Errors of making and asking monitors, as the API tells them: what was tried, on what, and what to do about it. */
import { AuraeError, messageOf } from "../base/errors.ts";
import { LaunchError } from "../kernel/process/launcher.ts";
import { isErrno, SyscallError } from "../kernel/sys/error.ts";
import { UnsupportedError } from "../kernel/sys/unsupported.ts";
import { ProtocolError } from "../vmm/protocol/protocol-error.ts";

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such folder",
  EACCES: "the daemon may not",
  EPERM: "the daemon may not",
  EROFS: "its file system is read-only",
  ELOOP: "its path has too many symbolic links",
  EISDIR: "it is a directory",
  EBUSY: "it is in use, by a mount or by another program",
  EEXIST: "it is there already",
  ENOSPC: "no space is left there",
  ETXTBSY: "it is a program that runs",
  EMFILE: "the daemon has too many open files",
};

/** The reason of a failed system call or of a call of node:fs, in words. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return WORDS[code] ?? (code === "" ? messageOf(error) : code);
}

/** An error that is the caller's to mend. */
export function unmet(message: string, resource: string, cause?: unknown): AuraeError {
  return new AuraeError("failed_precondition", message, { resource, cause });
}

/** Anything that went wrong with a VM's monitor, as an error that may be shown. */
export function monitorFailure(id: string, error: unknown): AuraeError {
  if (error instanceof AuraeError) {
    return error;
  }
  const resource = id;
  const message = `the monitor of VM '${id}': ${messageOf(error)}`;
  if (error instanceof UnsupportedError) {
    return new AuraeError("failed_precondition", messageOf(error), { resource, cause: error });
  }
  if (error instanceof LaunchError || error instanceof SyscallError) {
    const isFull = isErrno(error, "EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "ENOSPC");
    const kind = isFull ? "resource_exhausted" : "internal";
    return new AuraeError(kind, message, { resource, cause: error });
  }
  if (error instanceof ProtocolError) {
    return new AuraeError("invalid_argument", message, { resource, cause: error });
  }
  return new AuraeError("internal", message, { resource, cause: error });
}
