/** What of an error its asker is told: a kind that says whose fault it is, and its text. */
import { AuraeError, messageOf } from "../../base/errors.ts";
import { isErrno } from "../../kernel/sys/error.ts";
import { UnsupportedError } from "../../kernel/sys/unsupported.ts";
import { CommandError } from "../machine/command-mailbox.ts";
import { bounded } from "../protocol/bounded.ts";
import { FAILURE_KINDS, type Failure, type FailureKind } from "../protocol/messages.ts";

/** Names of errors that say what was asked for can't be: of those from another thread, nothing else is known. */
const INVALID: readonly string[] = [
  "BootError",
  "MemoryMapError",
  "ProtocolError",
  "StateError",
  "RangeError",
];

function kindOf(error: unknown): FailureKind {
  if (error instanceof AuraeError) {
    return FAILURE_KINDS.find((kind) => kind === error.kind) ?? "internal";
  }
  if (error instanceof UnsupportedError) {
    return "failed_precondition";
  }
  if (isErrno(error, "ENOMEM", "EMFILE", "ENFILE", "ENOSPC", "EDQUOT", "EFBIG")) {
    return "resource_exhausted";
  }
  if (isErrno(error, "EBUSY")) {
    return "unavailable";
  }
  const name = error instanceof CommandError ? error.original : (error as Error | null)?.name;
  return INVALID.includes(String(name)) || isErrno(error, "EBADF")
    ? "invalid_argument"
    : "internal";
}

export function failureOf(error: unknown): Failure {
  return { kind: kindOf(error), message: bounded(messageOf(error)) };
}
