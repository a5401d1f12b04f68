/**
 * The one error type of the domain and of everything above the kernel. Its kind is the lower-case name of the
 * status code that the edge answers with; nothing else here knows about RPCs.
 */

export type ErrorKind =
  | "invalid_argument"
  | "not_found"
  | "already_exists"
  | "failed_precondition"
  | "permission_denied"
  | "unauthenticated"
  | "resource_exhausted"
  | "aborted"
  | "unavailable"
  | "out_of_range"
  | "unimplemented"
  | "deadline_exceeded"
  | "internal";

/** One bad field of a request: the dotted path of the field and what is wrong with it. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

export interface AuraeErrorOptions {
  /** What the error is about, as the user named it. */
  readonly resource?: string;
  readonly cause?: unknown;
  readonly violations?: readonly FieldViolation[];
}

/** An error with a message that is safe to show to the caller. */
export class AuraeError extends Error {
  override readonly name = "AuraeError";
  readonly kind: ErrorKind;
  readonly resource: string | undefined;
  readonly violations: readonly FieldViolation[];

  constructor(kind: ErrorKind, message: string, options: AuraeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.resource = options.resource;
    this.violations = options.violations ?? [];
  }
}

/** The invalid_argument for one bad field of a request; see {@link FieldViolation}. */
export function badField(field: string, description: string): AuraeError {
  return new AuraeError("invalid_argument", `${field}: ${description}`, {
    violations: [{ field, description }],
  });
}

/** The message of anything that can be thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
