/** The errors of virtual machines, in the words of the contract (its quotes mended, its codes told apart). */
import { AuraeError, messageOf } from "../../base/errors.ts";

/** What was asked for, as the contract calls it. */
export type VmAction =
  | "allocated"
  | "freed"
  | "started"
  | "stopped"
  | "paused"
  | "resumed"
  | "updated"
  | "snapshotted"
  | "restored"
  | "attached to"
  | "waited for"
  | "inspected";

function vmError(
  kind: AuraeError["kind"],
  id: string,
  action: VmAction,
  why: string,
  cause?: unknown,
): AuraeError {
  return new AuraeError(kind, `vm '${id}' could not be ${action}: ${why}`, { resource: id, cause });
}

export function vmExists(id: string, action: VmAction): AuraeError {
  return vmError("already_exists", id, action, `Virtual machine with ID '${id}' already exists`);
}

export function vmNotFound(id: string, action: VmAction): AuraeError {
  return vmError("not_found", id, action, `Virtual machine with ID '${id}' not found`);
}

export function vmRuns(id: string): AuraeError {
  return vmError("failed_precondition", id, "started", "Virtual machine already running");
}

export function vmIsStopped(id: string): AuraeError {
  return vmError("failed_precondition", id, "stopped", "Virtual machine already stopped");
}

export function vmDoesNotRun(id: string, action: VmAction): AuraeError {
  return vmError("failed_precondition", id, action, "Virtual machine is not running; start it");
}

/** @param what such as `being freed` */
export function vmIsBusy(id: string, action: VmAction, what: string): AuraeError {
  return vmError("failed_precondition", id, action, `Virtual machine is ${what}`);
}

export function cidIsTaken(id: string, cid: number, other: string): AuraeError {
  return vmError(
    "already_exists",
    id,
    "allocated",
    `vm '${other}' has vsock_cid ${cid} already; choose another one, or none`,
  );
}

export function driveIsInUse(id: string, path: string, other: string): AuraeError {
  return vmError(
    "failed_precondition",
    id,
    "started",
    `the drive "${path}" is in use by vm '${other}', and one of them would write to it; give each its own copy, or have both read only`,
  );
}

/** What went wrong below, with what it was for. Kind and bad fields stay. */
export function vmFailed(id: string, action: VmAction, cause: unknown): AuraeError {
  const inner = cause instanceof AuraeError ? cause : undefined;
  return new AuraeError(
    inner?.kind ?? "internal",
    `vm '${id}' could not be ${action}: ${messageOf(cause)}`,
    { resource: id, cause, violations: inner?.violations ?? [] },
  );
}
