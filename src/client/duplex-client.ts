/**
 * The HTTP client for calls whose requests are a stream: HTTP/2 over a connection of its own for each call, since fetch
 * sends a request whole. Imported only when such a call is made.
 *
 * A peer that is gone without a word is found out by pings, so that nobody types into a machine that is off.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  constants,
  type IncomingHttpHeaders,
} from "node:http2";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { Code, ConnectError } from "@connectrpc/connect";
import type { UniversalClientFn, UniversalClientRequest } from "@connectrpc/connect/protocol";
import type { Address } from "./address.ts";
import type { TlsSettings } from "./universal.ts";

/** How long a connection and its TLS handshake may take. */
const CONNECT_TIMEOUT_MS = 10_000;
/** A peer that leaves a ping unanswered for this long is gone. */
const PING_INTERVAL_MS = 10_000;

/** This much of an answer waits for us at most, besides what the stream itself holds. */
const INBOX_MAX_BYTES = 256 * 1024;

/** A flag and a length before each message. */
const ENVELOPE_HEAD_BYTES = 5;
const END_STREAM_FLAG = 2;

export interface DuplexClient {
  readonly client: UniversalClientFn;
  /** Ends every connection. */
  readonly close: () => void;
}

export function createDuplexClient(address: Address, tls: TlsSettings): DuplexClient {
  const open = new Set<TLSSocket>();
  return {
    client: async (request) => {
      const socket = await connectSocket(address, tls, request.signal);
      open.add(socket);
      socket.once("close", () => open.delete(socket));
      try {
        return await exchange(socket, request);
      } catch (error) {
        socket.destroy();
        throw error;
      }
    },
    close: () => {
      for (const socket of open) {
        socket.destroy();
      }
    },
  };
}

/** Where TLS goes; into a virtual machine, by a connection that is there already. */
async function placeOf(address: Address, signal: AbortSignal | undefined) {
  if (address.kind === "vsock") {
    const { connectVsock } = await import("./vsock.ts");
    return { socket: await connectVsock(address, signal) };
  }
  if (address.kind === "unix") {
    return { path: address.path };
  }
  const { host, port, zone } = address;
  return { host: zone === undefined ? host : `${host}%${zone}`, port };
}

async function connectSocket(
  address: Address,
  tls: TlsSettings,
  signal: AbortSignal | undefined,
): Promise<TLSSocket> {
  signal?.throwIfAborted();
  const { serverName: servername, ...files } = tls;
  const where = await placeOf(address, signal);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connectTls({ ...where, ...files, servername, ALPNProtocols: ["h2"] });
  const onAbort = (): void => reject(signal?.reason);
  const timer = setTimeout(() => reject(broken("ETIMEDOUT", "no answer")), CONNECT_TIMEOUT_MS);
  socket.once("secureConnect", resolve);
  socket.once("error", reject);
  socket.once("close", () => reject(broken("ECONNRESET", "the other side closed it")));
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    await promise;
    if (socket.alpnProtocol !== "h2") {
      throw new ConnectError("the server does not speak HTTP/2", Code.Unavailable);
    }
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
    // What breaks from here on is seen by the stream; without a listener it would end the process.
    socket.on("error", () => undefined);
  }
}

async function exchange(
  socket: TLSSocket,
  request: UniversalClientRequest,
): Promise<Awaited<ReturnType<UniversalClientFn>>> {
  const { host, pathname } = new URL(request.url);
  const session = connectHttp2(`https://${host}`, { createConnection: () => socket });
  let failure: unknown;
  const fail = (error: unknown): void => {
    failure ??= error;
    socket.destroy();
  };
  session.on("error", fail);
  const stream = session.request({
    ...Object.fromEntries(request.header),
    ":method": request.method,
    ":path": pathname,
  });
  const inbox = new Inbox(stream);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingHttpHeaders>();
  stream.once("response", resolve);
  stream.on("error", fail);
  const closed = new Promise<void>((done) => stream.once("close", done));
  void closed.then(() => reject(failure ?? broken("ECONNRESET", "the other side closed it")));
  const onAbort = (): void => {
    fail(request.signal?.reason);
  };
  request.signal?.addEventListener("abort", onAbort, { once: true });
  const pings = watchPeer(session, fail);
  void closed.then(() => {
    clearInterval(pings);
    request.signal?.removeEventListener("abort", onAbort);
  });
  upload(stream, request.body, closed).catch(fail);
  const head = await promise;
  return {
    status: Number(head[":status"] ?? 0),
    header: headersOf(head),
    body: isStream(head) ? download(stream, inbox, socket, () => failure) : inbox,
    trailer: new Headers(),
  };
}

/** Whether the body is one of envelopes. A proxy's or another server's error is none. */
function isStream(head: IncomingHttpHeaders): boolean {
  return head["content-type"]?.startsWith("application/connect+") === true;
}

async function upload(
  stream: ClientHttp2Stream,
  body: AsyncIterable<Uint8Array> | undefined,
  closed: Promise<void>,
): Promise<void> {
  const chunks = body?.[Symbol.asyncIterator]();
  let isClosed = false;
  const end = closed.then(() => {
    isClosed = true;
    return undefined;
  });
  for (;;) {
    const next = await Promise.race([chunks?.next(), end]);
    if (isClosed) {
      // Not awaited: a generator that waits for a key is done only when that comes.
      void chunks?.return?.().catch(() => undefined);
      return;
    }
    if (next === undefined || next.done === true) {
      stream.end();
      return;
    }
    if (!stream.write(next.value)) {
      await Promise.race([new Promise((resolve) => stream.once("drain", resolve)), end]);
    }
  }
}

/** What comes, until the peer has ended it. Leaving the loop early cancels the call. */
async function* download(
  stream: ClientHttp2Stream,
  inbox: Inbox,
  socket: TLSSocket,
  failure: () => unknown,
): AsyncGenerator<Uint8Array> {
  const watch = new EndWatch();
  try {
    for await (const chunk of inbox) {
      watch.push(chunk);
      yield chunk;
      if (watch.isEnded) {
        return;
      }
    }
  } finally {
    stream.close(watch.isEnded ? constants.NGHTTP2_NO_ERROR : constants.NGHTTP2_CANCEL);
    socket.end();
  }
  // Bun ends a stream in the same way whether the peer has ended it or the connection was closed.
  throw failure() ?? broken("ECONNRESET", "the other side closed it");
}

/**
 * What a stream has brought, until it is closed. A server that has answered resets the stream when we have not ended our
 * side (RFC 9113, 8.1), and Bun's own iterator then throws away what was not read yet.
 */
class Inbox implements AsyncIterable<Uint8Array> {
  readonly #stream: ClientHttp2Stream;
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #isClosed = false;
  #changed = Promise.withResolvers<void>();

  constructor(stream: ClientHttp2Stream) {
    this.#stream = stream;
    stream.on("data", (chunk: Uint8Array) => {
      this.#add(chunk);
      if (this.#bytes >= INBOX_MAX_BYTES) {
        stream.pause();
      }
    });
    for (const event of ["end", "close"]) {
      stream.once(event, () => {
        this.#isClosed = true;
        this.#changed.resolve();
      });
    }
  }

  #add(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.byteLength;
    this.#changed.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      this.#changed = Promise.withResolvers();
      const chunks = this.#chunks.splice(0);
      this.#bytes = 0;
      yield* chunks;
      if (this.#chunks.length > 0) {
        continue;
      }
      if (this.#isClosed) {
        return;
      }
      this.#stream.resume();
      await this.#changed.promise;
    }
  }
}

/** Whether a body has come to its end: to a whole envelope that says so (Connect protocol, "Streaming RPCs"). */
class EndWatch {
  readonly #head: number[] = [];
  #left = 0;
  #isLast = false;

  get isEnded(): boolean {
    return this.#isLast && this.#left === 0;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.byteLength) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, chunk.byteLength - at);
        this.#left -= taken;
        at += taken;
        continue;
      }
      this.#head.push(chunk[at] ?? 0);
      at += 1;
      if (this.#head.length === ENVELOPE_HEAD_BYTES) {
        const [flags = 0, ...length] = this.#head.splice(0);
        this.#isLast = (flags & END_STREAM_FLAG) !== 0;
        this.#left = length.reduce((sum, byte) => sum * 256 + byte, 0);
      }
    }
  }
}

function watchPeer(
  session: ClientHttp2Session,
  fail: (error: unknown) => void,
): ReturnType<typeof setInterval> {
  let isWaiting = false;
  return setInterval(() => {
    if (isWaiting) {
      fail(broken("ETIMEDOUT", `no answer for ${PING_INTERVAL_MS / 1000} s`));
      return;
    }
    isWaiting = true;
    session.ping(() => {
      isWaiting = false;
    });
  }, PING_INTERVAL_MS);
}

function headersOf(head: IncomingHttpHeaders): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(head)) {
    if (!name.startsWith(":")) {
      for (const one of Array.isArray(value) ? value : [value ?? ""]) {
        headers.append(name, one);
      }
    }
  }
  return headers;
}

function broken(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
