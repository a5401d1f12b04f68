/** What scripts see of the errors of calls: a part of @connectrpc/connect, for editors that do not have that package. */

/** The status that a call ended with. */
export declare enum Code {
  Canceled = 1,
  Unknown = 2,
  InvalidArgument = 3,
  DeadlineExceeded = 4,
  NotFound = 5,
  AlreadyExists = 6,
  PermissionDenied = 7,
  ResourceExhausted = 8,
  FailedPrecondition = 9,
  Aborted = 10,
  OutOfRange = 11,
  Unimplemented = 12,
  Internal = 13,
  Unavailable = 14,
  DataLoss = 15,
  Unauthenticated = 16,
}

/** What every failed call throws. */
export declare class ConnectError extends Error {
  constructor(
    message: string,
    code?: Code,
    metadata?: HeadersInit,
    outgoingDetails?: unknown[],
    cause?: unknown,
  );
  /** The status. */
  readonly code: Code;
  /** The message without the status. */
  readonly rawMessage: string;
  readonly metadata: Headers;
  details: unknown[];
  override cause: unknown;
  /** Any error as one with a status: its own, or the one given, or Unknown. */
  static from(reason: unknown, code?: Code): ConnectError;
}
