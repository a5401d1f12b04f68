/**
 * Checks every request message against the rules in the protos (`buf.validate`) before a handler sees it, and reports
 * all bad fields at once.
 */
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import type { Interceptor } from "@connectrpc/connect";
import type { Validator } from "@bufbuild/protovalidate";
import { AuraeError, type FieldViolation } from "../base/errors.ts";

/** Most violations that one answer lists: a hostile list of a million bad items must not make an answer of as many. */
const MAX_VIOLATIONS = 64;

let loading: Promise<Validator> | undefined;

/**
 * Loads the validator, once. It takes longer to load than the rest of the daemon takes to start, so it is loaded when
 * the listeners accept, and a request that comes before waits for it.
 */
export function loadValidator(): Promise<Validator> {
  loading ??= import("@bufbuild/protovalidate").then(({ createValidator }) =>
    createValidator({
      // The patterns are all ours, from the protos, so they need no engine that is safe from hostile patterns.
      regexMatch: (pattern, text) => compiled(pattern).test(text),
    }),
  );
  return loading;
}

const patterns = new Map<string, RegExp>();

function compiled(pattern: string): RegExp {
  let expression = patterns.get(pattern);
  if (expression === undefined) {
    expression = new RegExp(pattern, "u");
    patterns.set(pattern, expression);
  }
  return expression;
}

function check(validator: Validator, schema: DescMessage, message: Message): void {
  const result = validator.validate(schema, message);
  if (result.kind === "valid") {
    return;
  }
  if (result.kind === "error") {
    throw result.error;
  }
  const violations: FieldViolation[] = result.violations.map((violation) => ({
    field: pathToString(violation.field),
    description: violation.message,
  }));
  const shown = violations.slice(0, MAX_VIOLATIONS);
  const more = violations.length - shown.length;
  const text = shown.map(({ field, description }) =>
    field === "" ? description : `${field}: ${description}`,
  );
  throw new AuraeError(
    "invalid_argument",
    text.join("; ") + (more > 0 ? `; and ${more} more` : ""),
    { violations: shown },
  );
}

async function* checked<T extends Message>(
  messages: AsyncIterable<T>,
  schema: DescMessage,
): AsyncGenerator<T> {
  const validator = await loadValidator();
  for await (const message of messages) {
    check(validator, schema, message);
    yield message;
  }
}

let ready: Validator | undefined;

/** @throws {AuraeError} invalid_argument with a violation for every bad field */
export const validationInterceptor: Interceptor = (next) => async (request) => {
  if (request.stream) {
    return next({ ...request, message: checked(request.message, request.method.input) });
  }
  ready ??= await loadValidator();
  check(ready, request.method.input, request.message);
  return next(request);
};
