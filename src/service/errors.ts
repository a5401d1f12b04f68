/**
 * The only place where an error becomes the status of an RPC. What is meant for callers keeps its message; everything
 * else becomes "internal error" outside and goes to the log whole.
 */
import { Code, ConnectError, type HandlerContext, type Interceptor } from "@connectrpc/connect";
import type { DescMessage, DescMethod } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { AuraeError, type ErrorKind, type FieldViolation } from "../base/errors.ts";
import { log } from "../base/log.ts";
import { badFields, MAX_VIOLATIONS } from "./bad-fields.ts";
import { jsonFaults } from "./json/json-faults.ts";
import { jsonText } from "./json/json-text.ts";

const CODES: Readonly<Record<ErrorKind, Code>> = {
  invalid_argument: Code.InvalidArgument,
  not_found: Code.NotFound,
  already_exists: Code.AlreadyExists,
  failed_precondition: Code.FailedPrecondition,
  permission_denied: Code.PermissionDenied,
  unauthenticated: Code.Unauthenticated,
  resource_exhausted: Code.ResourceExhausted,
  aborted: Code.Aborted,
  unavailable: Code.Unavailable,
  out_of_range: Code.OutOfRange,
  unimplemented: Code.Unimplemented,
  deadline_exceeded: Code.DeadlineExceeded,
  internal: Code.Internal,
};

/**
 * A google.rpc.BadRequest (google/rpc/error_details.proto): `field_violations = 1`, each with `field = 1` and
 * `description = 2`. Written by hand, because two fields don't carry their weight in generated code.
 */
function badRequest(violations: readonly FieldViolation[]) {
  const writer = new BinaryWriter();
  for (const { field, description } of violations) {
    writer.tag(1, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(field);
    writer.tag(2, WireType.LengthDelimited).string(description);
    writer.join();
  }
  return {
    type: "google.rpc.BadRequest",
    value: writer.finish(),
    debug: {
      fieldViolations: violations.map(({ field, description }) => ({ field, description })),
    },
  };
}

/** Every message of an error and of what caused it, and where it came from; for the log alone. */
function whole(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  const cause = error.cause === undefined ? "" : ` caused by: ${whole(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

/** What a request's body fails with when its peer is gone, which peers may do as they like: nothing for the log. */
function isPeerGone(error: Error): boolean {
  return "code" in error && error.code === "ERR_STREAM_PREMATURE_CLOSE";
}

/** `package.Service/Method`, for the log. */
function methodName({ method }: { readonly method: DescMethod }): string {
  return `${method.parent.typeName}/${method.name}`;
}

/** @param method for the log */
export function toConnectError(error: unknown, method = ""): ConnectError {
  if (error instanceof ConnectError) {
    return error;
  }
  if (error instanceof AuraeError) {
    if (error.kind === "internal") {
      log.error("request failed", { method, error: whole(error) });
    }
    const result = new ConnectError(error.message, CODES[error.kind]);
    if (error.violations.length > 0) {
      result.details = [badRequest(error.violations)];
    }
    return result;
  }
  if (error instanceof Error && (error.name === "AbortError" || isPeerGone(error))) {
    return new ConnectError("the request was cancelled", Code.Canceled);
  }
  log.error("request failed", { method, error: whole(error) });
  return new ConnectError("internal error", Code.Internal);
}

async function* mapped<T>(messages: AsyncIterable<T>, method: string): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    throw toConnectError(error, method);
  }
}

/** Maps what handlers and other interceptors throw. Only what throws nothing but ConnectErrors may go around it. */
export const errorInterceptor: Interceptor = (next) => async (request) => {
  const method = methodName(request);
  try {
    const response = await next(request);
    return response.stream ? { ...response, message: mapped(response.message, method) } : response;
  } catch (error) {
    throw toConnectError(error, method);
  }
};

/** Longest message of an error, in characters: gRPC sends it in a trailer, and clients bound those. */
const MAX_MESSAGE = 4_096;

/**
 * The last word on an error before it is written. Connect reads a request before any interceptor sees it, and calls a
 * message that is too large "resource exhausted" and a malformed binary one "internal", though both are the caller's
 * mistakes; and a message that quotes what the caller sent may be as long as that.
 */
function refine(reason: unknown, input: DescMessage): void {
  if (!(reason instanceof ConnectError)) {
    return;
  }
  listJsonFaults(reason, input);
  const { code, rawMessage } = reason;
  const limit = /larger than configured readMaxBytes (\d+)/.exec(rawMessage)?.[1];
  const malformed = /^parse binary: (.*)$/s.exec(rawMessage)?.[1];
  if (limit !== undefined && code === Code.ResourceExhausted) {
    const message = `the request message is larger than the limit of ${limit} bytes`;
    rewrite(reason, Code.InvalidArgument, message);
  } else if (malformed !== undefined && code === Code.Internal) {
    rewrite(reason, Code.InvalidArgument, `malformed protobuf message: ${malformed}`);
  } else if (rawMessage.length > MAX_MESSAGE) {
    rewrite(reason, code, `${rawMessage.slice(0, MAX_MESSAGE - 1).toWellFormed()}…`);
  }
}

/** Of a JSON message, Connect tells the first thing that is wrong; callers are told all of them, like broken rules. */
function listJsonFaults(reason: ConnectError, input: DescMessage): void {
  const text = jsonText.take();
  if (text === undefined || !reason.rawMessage.startsWith("cannot decode ")) {
    return;
  }
  const faults = jsonFaults(input, text, MAX_VIOLATIONS + 1);
  if (faults.length > 0) {
    const { code, rawMessage, details } = toConnectError(badFields(faults));
    rewrite(reason, code, rawMessage);
    reason.details = details;
  }
}

function rewrite(error: ConnectError, code: Code, rawMessage: string): void {
  const { message } = new ConnectError(rawMessage, code);
  Object.assign(error, { code, rawMessage, message });
}

/** What a call's signal says once it is over. One for all: a new one would be made with a trace of the stack. */
const ENDED = new ConnectError("the call has ended", Code.Canceled);

/** Connect aborts every call at its end, and gives no reason. */
function endWithoutTrace(context: HandlerContext & { abort?(reason?: unknown): void }): void {
  const { abort } = context;
  if (abort !== undefined) {
    context.abort = (reason) => abort(reason ?? ENDED);
  }
}

/**
 * Maps what a gate throws, and what Connect throws while it reads the request: a call's signal is aborted with the
 * error as its reason just before the error is written, which is the one place to get hold of those.
 */
export function guarded(
  gate: (context: HandlerContext) => void,
): (context: HandlerContext) => void {
  return (context) => {
    endWithoutTrace(context);
    const { signal } = context;
    signal.addEventListener("abort", () => refine(signal.reason, context.method.input), {
      once: true,
    });
    try {
      gate(context);
    } catch (error) {
      throw toConnectError(error, methodName(context));
    }
  };
}
