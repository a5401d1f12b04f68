/**
 * One request and its answer, the same for HTTP/1.1 and HTTP/2: turns Node's request into what Connect's handlers
 * take, writes their answer back, and makes sure that an exchange ends whatever the peer does. Knows no RPC.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import type { ContextValues } from "@connectrpc/connect";
import { Code, ConnectError } from "@connectrpc/connect";
import type {
  UniversalHandler,
  UniversalServerRequest,
  UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import type { Connection, Exchange } from "./connection.ts";
import { clampDeadline } from "./deadline.ts";
import { LINGER_MS } from "./limits.ts";
import { encodingOf, SharedAnswers, sharedAnswersKey } from "./shared-answers.ts";

export type NodeRequest = IncomingMessage | Http2ServerRequest;
export type NodeResponse = ServerResponse | Http2ServerResponse;

function isHttp2(request: NodeRequest): request is Http2ServerRequest {
  return "stream" in request;
}

/** The headers of a request. Throws a TypeError for a value that no header may have. */
function webHeaders(request: NodeRequest): Headers {
  const headers = new Headers();
  for (const name in request.headers) {
    const value = request.headers[name];
    if (value === undefined || name.startsWith(":")) {
      continue;
    }
    if (typeof value === "string") {
      headers.set(name, value);
    } else {
      for (const item of value) {
        headers.append(name, item);
      }
    }
  }
  return headers;
}

function nodeHeaders(headers: Headers | undefined): Record<string, string> {
  const result: Record<string, string> = {};
  headers?.forEach((value, name) => {
    result[name] = value;
  });
  return result;
}

async function* each(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

/** What is there of a body, which is all of it. */
function takeWhole(request: IncomingMessage): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let next: Uint8Array | null = request.read(); next !== null; next = request.read()) {
    chunks.push(next);
  }
  return chunks;
}

/** Most bodies are there whole before anybody reads them, and are had for less than the stream's own iterator costs. */
function bodyOf(request: NodeRequest): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]: () =>
      !isHttp2(request) && request.complete && !request.destroyed
        ? each(takeWhole(request))
        : (request.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>),
  };
}

export class HttpExchange implements Exchange {
  bodyDeadline = 0;
  readonly #request: NodeRequest;
  readonly #response: NodeResponse;
  readonly #handler: UniversalHandler;
  readonly #controller = new AbortController();
  readonly #connection: Connection<unknown>;
  readonly #shared = new SharedAnswers();
  #isDone = false;

  constructor(
    request: NodeRequest,
    response: NodeResponse,
    handler: UniversalHandler,
    connection: Connection<unknown>,
    bodyTimeoutMs: number,
  ) {
    this.#request = request;
    this.#response = response;
    this.#handler = handler;
    this.#connection = connection;
    const kind = handler.method.methodKind;
    if (kind === "unary" || kind === "server_streaming") {
      this.bodyDeadline = performance.now() + bodyTimeoutMs;
      request.once("end", () => {
        this.bodyDeadline = 0;
      });
    }
    // What goes wrong on the way is seen by the reader and the writer; without a listener it would end the process.
    request.on("error", () => this.abort("the request failed"));
    response.on("error", () => this.abort("the response failed"));
    if (isHttp2(request)) {
      request.stream.once("close", () => this.abort("the peer closed the stream"));
    }
  }

  /** Runs the handler and writes its answer. Never rejects. */
  async run(contextValues: ContextValues): Promise<void> {
    this.#connection.begin(this);
    if (this.#handler.method.methodKind === "server_streaming") {
      contextValues.set(sharedAnswersKey, this.#shared);
    }
    try {
      const answer = await this.#handler(this.#universalRequest(contextValues));
      await this.#write(answer);
      this.#finish();
    } catch (error) {
      // The handlers turn every error of an RPC into an answer, so this is a request that is no RPC at all, or a peer
      // that is gone.
      if (!this.#isDone && !this.#response.headersSent) {
        this.#refuse(error instanceof TypeError ? 400 : 500);
      }
      this.abort("the exchange failed");
    }
  }

  abort(reason: string): void {
    if (this.#isDone) {
      return;
    }
    this.#end();
    this.#controller.abort(new ConnectError(reason, Code.Canceled));
    if (isHttp2(this.#request)) {
      if (!this.#request.stream.destroyed) {
        this.#request.stream.close(constants.NGHTTP2_CANCEL);
      }
    } else {
      this.#request.destroy();
      this.#request.socket.destroy();
    }
  }

  drain(): void {
    if (this.#handler.method.methodKind !== "unary") {
      this.#controller.abort(new ConnectError("auraed is shutting down", Code.Unavailable));
    }
  }

  #universalRequest(contextValues: ContextValues): UniversalServerRequest {
    const header = webHeaders(this.#request);
    clampDeadline(header);
    return {
      httpVersion: this.#request.httpVersion,
      method: this.#request.method ?? "",
      // The authority is the peer's word and nobody here needs it, so it is left out of what has to parse.
      url: `https://auraed${this.#request.url ?? "/"}`,
      header,
      body: bodyOf(this.#request),
      signal: this.#controller.signal,
      contextValues,
    };
  }

  async #write(answer: UniversalServerResponse): Promise<void> {
    const body = answer.body?.[Symbol.asyncIterator]();
    if (this.#handler.method.methodKind === "unary") {
      const chunks: Uint8Array[] = [];
      for (let next = await body?.next(); next?.done === false; next = await body?.next()) {
        chunks.push(next.value);
      }
      const [only] = chunks;
      const bytes = only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks);
      this.#writeHead(answer);
      this.#addTrailers(answer);
      this.#endAtOnce(bytes);
      return;
    }
    try {
      let next = await body?.next();
      this.#writeHead(answer);
      const encoding = encodingOf(answer.header);
      for (; next?.done === false; next = await body?.next()) {
        await this.#writeChunk(await this.#shared.replace(next.value, encoding));
      }
      this.#addTrailers(answer);
      this.#response.end();
    } catch (error) {
      await body?.throw?.(error).catch(() => undefined);
      throw error;
    }
  }

  /** Writes head and body as one piece, where each would be a packet and wake the peer up. */
  #endAtOnce(bytes: Uint8Array): void {
    if (isHttp2(this.#request)) {
      this.#response.end(bytes);
      return;
    }
    const { socket } = this.#request;
    socket.cork();
    this.#response.end(bytes);
    socket.uncork();
  }

  #writeHead(answer: UniversalServerResponse): void {
    const headers = nodeHeaders(answer.header);
    if (!isHttp2(this.#request) && (this.#connection.closing || !this.#request.complete)) {
      headers.connection = "close";
    }
    writeHead(this.#response, answer.status, headers);
  }

  #addTrailers(answer: UniversalServerResponse): void {
    if (answer.trailer !== undefined) {
      this.#response.addTrailers(nodeHeaders(answer.trailer));
    }
  }

  #writeChunk(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#isDone) {
      throw new ConnectError("the peer is gone", Code.Canceled);
    }
    const response = this.#response;
    const isTaken = "stream" in response ? response.write(chunk) : response.write(chunk);
    if (isTaken) {
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const signal = this.#controller.signal;
      const settle = () => {
        this.#response.off("drain", settle);
        signal.removeEventListener("abort", settle);
        if (this.#isDone) {
          reject(new ConnectError("the peer is gone", Code.Canceled));
        } else {
          resolve();
        }
      };
      this.#response.once("drain", settle);
      signal.addEventListener("abort", settle);
    });
  }

  #refuse(status: number): void {
    writeHead(this.#response, status, { "content-length": "0" });
    this.#response.end();
    this.#finish();
  }

  /** The answer is out. What is left of an upload that nobody reads any more is thrown away. */
  #finish(): void {
    this.#end();
    endUpload(this.#request);
  }

  #end(): void {
    this.#isDone = true;
    this.bodyDeadline = 0;
    this.#connection.end(this);
  }
}

/** The same call on both kinds of response, whose types don't go together. */
export function writeHead(
  response: NodeResponse,
  status: number,
  headers: Record<string, string>,
): void {
  if ("stream" in response) {
    response.writeHead(status, headers);
  } else {
    response.writeHead(status, headers);
  }
}

/** After an early answer: lets the peer read it, and then stops the peer from sending on. */
export function endUpload(request: NodeRequest): void {
  if (request.complete) {
    return;
  }
  request.resume();
  if (isHttp2(request)) {
    // RFC 9113 section 8.1: a complete answer first, then NO_ERROR asks for the rest not to be sent.
    const stream = request.stream;
    stream.once("finish", () => stream.close(constants.NGHTTP2_NO_ERROR));
    return;
  }
  const socket = request.socket;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(timer));
  socket.end();
}
