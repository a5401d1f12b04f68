/**
 * One call of a method known by its descriptor alone: the answers as they come, whatever the kind.
 */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";

export interface CallOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number | undefined;
}

type Answers = AsyncIterable<Message> | Promise<Message>;

/** Unary: one answer. Server streaming: each message. Leaving the loop early cancels the call. */
export async function* call(
  transport: Transport,
  method: DescMethod,
  request: Message,
  options: CallOptions,
): AsyncGenerator<Message> {
  const { signal, timeoutMs } = options;
  if (method.methodKind === "unary") {
    const unary = method as DescMethod & { readonly methodKind: "unary" };
    const response = await transport.unary(unary, signal, timeoutMs, undefined, request);
    yield response.message;
    return;
  }
  yield* answersOf(transport, method, request, options);
}

/** Of a method that takes a stream. What the requests throw ends the call, and is thrown here. */
export async function* callStream(
  transport: Transport,
  method: DescMethod,
  requests: AsyncIterable<Message>,
  options: CallOptions,
): AsyncGenerator<Message> {
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  let fault: unknown;
  const watched = (async function* () {
    try {
      yield* requests;
    } catch (error) {
      fault = error;
      failed.abort(error);
      throw error;
    }
  })();
  try {
    yield* answersOf(transport, method, watched, { ...options, signal });
  } catch (error) {
    throw fault ?? error;
  }
}

async function* answersOf(
  transport: Transport,
  method: DescMethod,
  request: Message | AsyncIterable<Message>,
  { signal, timeoutMs }: CallOptions,
): AsyncGenerator<Message> {
  const client = createClient(method.parent, transport) as Record<
    string,
    (request: Message | AsyncIterable<Message>, options: object) => Answers
  >;
  const answers = client[method.localName]?.(
    request,
    timeoutMs === undefined ? { signal } : { signal, timeoutMs },
  );
  if (answers === undefined) {
    return;
  }
  if (Symbol.asyncIterator in answers) {
    yield* answers;
  } else {
    yield await answers;
  }
}
