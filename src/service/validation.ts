/**
 * Checks every request message against the rules in the protos (`buf.validate`) before a handler sees it, and reports
 * all bad fields at once.
 */
import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import { AuraeError } from "../base/errors.ts";
import { compileRules, violationsOf } from "./rules/message-rules.ts";
import { SERVICES } from "./services.ts";

/** Most violations that one answer lists: a hostile list of a million bad items must not make an answer of as many. */
const MAX_VIOLATIONS = 32;

function check(schema: DescMessage, message: Message): void {
  const violations = violationsOf(schema, message);
  if (violations.length === 0) {
    return;
  }
  const shown = violations.slice(0, MAX_VIOLATIONS);
  const more = violations.length - shown.length;
  const text = shown.map(({ field, description }) => `${field}: ${description}`).join("; ");
  throw new AuraeError("invalid_argument", more > 0 ? `${text}; and ${more} more` : text, {
    violations: shown,
  });
}

/** Compiles the rules of all requests, which the first callers would otherwise wait for; a few milliseconds. */
export async function loadValidator(): Promise<void> {
  for (const service of SERVICES) {
    // A turn of the event loop for each, so that those who connect meanwhile don't wait.
    await new Promise((resolve) => setImmediate(resolve));
    for (const method of service.methods) {
      compileRules(method.input);
    }
  }
}

async function* checked<T extends Message>(
  messages: AsyncIterable<T>,
  schema: DescMessage,
): AsyncGenerator<T> {
  for await (const message of messages) {
    check(schema, message);
    yield message;
  }
}

/** Throws an AuraeError of kind invalid_argument with a violation for every bad field. */
export const validationInterceptor: Interceptor = (next) => async (request) => {
  if (request.stream) {
    return next({ ...request, message: checked(request.message, request.method.input) });
  }
  check(request.method.input, request.message);
  return next(request);
};
