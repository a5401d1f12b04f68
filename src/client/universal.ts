/**
 * The small pieces that both HTTP clients share: the TLS settings, a request's body as bytes, a response's body as an
 * iterable that can be left early.
 */
import { Code, ConnectError } from "@connectrpc/connect";

/** The largest message, in either direction. */
export const MESSAGE_MAX_BYTES = 16 * 1024 * 1024;

export interface TlsSettings {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly serverName: string;
  readonly rejectUnauthorized: true;
}

/**
 * Gathers a request. No method of the API streams requests, and HTTP/1.1 could not do so while it reads the answer; a
 * body of known length also lets fetch send it again when a pooled connection turns out to be closed.
 */
export async function requestBody(
  body: AsyncIterable<Uint8Array> | undefined,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) {
      throw new ConnectError(`the request has more than ${maxBytes} bytes`, Code.ResourceExhausted);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks) as Uint8Array<ArrayBuffer>;
}

/** Reads a response; leaving the loop early closes its connection. */
export async function* responseChunks(
  body: ReadableStream<Uint8Array> | null,
): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  if (reader === undefined) {
    return;
  }
  let done = false;
  try {
    while (true) {
      const next = await reader.read();
      if (next.done) {
        done = true;
        return;
      }
      yield next.value;
    }
  } finally {
    if (!done) {
      await reader.cancel().catch(() => undefined);
    }
  }
}
