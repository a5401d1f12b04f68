/** The errors of cells and executables, in the words of the contract (its quotes mended). */
import { AuraeError, messageOf } from "../../base/errors.ts";
import { isErrno } from "../../kernel/sys/error.ts";
import type { CellName } from "./cell-name.ts";

export function cellExists(name: CellName): AuraeError {
  return new AuraeError("already_exists", `cell '${name}' already exists`, { resource: `${name}` });
}

export function cellNotFound(name: CellName): AuraeError {
  return new AuraeError("not_found", `cell '${name}' not found`, { resource: `${name}` });
}

export function cgroupNotFound(name: CellName): AuraeError {
  return new AuraeError("not_found", `cgroup '${name}' not found on host`, { resource: `${name}` });
}

export function cgroupIsNotACell(name: CellName): AuraeError {
  return new AuraeError(
    "failed_precondition",
    `cgroup '${name}' exists on host, but is not controlled by auraed`,
    { resource: `${name}` },
  );
}

/** What the kernel refused; where it has no room for one more, that is told apart. */
function refused(what: string, resource: string, cause: unknown): AuraeError {
  if (cause instanceof AuraeError) {
    return cause;
  }
  const hasNoRoom = isErrno(cause, "EMFILE", "ENFILE", "EAGAIN", "ENOMEM", "ENOSPC");
  const kind = hasNoRoom ? "resource_exhausted" : "internal";
  return new AuraeError(kind, `${what}: ${messageOf(cause)}`, { resource, cause });
}

/** Of control groups that could not be made. */
export function allocationAborted(name: CellName, cause: unknown): AuraeError {
  return refused(`cell '${name}' allocation was aborted`, `${name}`, cause);
}

/** Of namespaces that could not be made. */
export function cellNotAllocated(name: CellName, cause: unknown): AuraeError {
  return refused(`cell '${name}' could not be allocated`, `${name}`, cause);
}

export function cellNotFreed(name: CellName, cause: unknown): AuraeError {
  if (cause instanceof AuraeError) {
    return cause;
  }
  return new AuraeError("internal", `cell '${name}' could not be freed: ${messageOf(cause)}`, {
    resource: `${name}`,
    cause,
  });
}

export function cellIsBeingFreed(name: CellName): AuraeError {
  return new AuraeError("failed_precondition", `cell '${name}' is being freed`, {
    resource: `${name}`,
  });
}

export function executableExists(name: string): AuraeError {
  return new AuraeError("already_exists", `executable '${name}' exists`, { resource: name });
}

export function executableNotFound(name: string): AuraeError {
  return new AuraeError("not_found", `executable '${name}' not found`, { resource: name });
}

/** Left there by a daemon that was killed, or made by one that runs beside this. */
export function executableIsNotOurs(name: string, cgroup: string): AuraeError {
  return new AuraeError(
    "failed_precondition",
    `executable '${name}' can't have the cgroup '${cgroup}', which exists on host, but is not controlled by auraed`,
    { resource: name },
  );
}

/** @param owner what has the name, where somebody else wants to start an executable of that name in no cell */
export function executableIsReserved(name: string, owner: string): AuraeError {
  return new AuraeError(
    "failed_precondition",
    `executable '${name}' can't be started in no cell: the name is that of ${owner}; take another one, or a cell`,
    { resource: name },
  );
}

export function executableNotStarted(name: string, cause: unknown): AuraeError {
  return refused(`executable '${name}' failed to start`, name, cause);
}
