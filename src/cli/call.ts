/**
 * One call of a method known by its descriptor alone: the answers as they come, whatever the kind.
 */
import type { Message } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import type { DescMethod } from "@bufbuild/protobuf";

export interface CallOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number | undefined;
}

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
  const client = createClient(method.parent, transport) as Record<
    string,
    (request: Message, options: object) => AsyncIterable<Message>
  >;
  const stream = client[method.localName];
  if (stream !== undefined) {
    yield* stream(request, timeoutMs === undefined ? { signal } : { signal, timeoutMs });
  }
}
