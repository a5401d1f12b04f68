/**
 * Checks every request message against the rules in the protos (`buf.validate`) before a handler sees it, and reports
 * all bad fields at once.
 */
import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import { badFields } from "./bad-fields.ts";
import { jsonText } from "./json/json-text.ts";
import { violationsOf } from "./rules/message-rules.ts";

function check(schema: DescMessage, message: Message): void {
  // It has decoded, so its text is of no use any more.
  jsonText.take();
  const violations = violationsOf(schema, message);
  if (violations.length > 0) {
    throw badFields(violations);
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
