/**
 * One authenticated connection: whose it is, what it has in flight, and whether it has waited too long. Knows nothing of
 * the others.
 */
import type { ServerHttp2Session } from "node:http2";
import type { TLSSocket } from "node:tls";
import type { Limits } from "./limits.ts";
import { RequestBudget } from "./request-budget.ts";

/** A request in flight. */
export interface Exchange {
  /** When its body must have arrived; 0 once it has, or if it may take as long as it likes. */
  bodyDeadline: number;
  /** Ends it without an answer. */
  abort(reason: string): void;
  /** Asks its handler to come to an end, if it is one that streams. */
  drain(): void;
}

/** One authenticated connection. */
export class Connection<P> {
  readonly principal: P;
  /** What its requests are known by: the HTTP/2 session, or the socket. */
  readonly key: object;
  readonly exchanges = new Set<Exchange>();
  readonly #socket: TLSSocket;
  readonly #session: ServerHttp2Session | undefined;
  readonly #budget: RequestBudget;
  #idleSince = performance.now();
  #headerSince = 0;
  #closing = false;

  constructor(
    principal: P,
    socket: TLSSocket,
    session: ServerHttp2Session | undefined,
    limits: Limits,
  ) {
    this.principal = principal;
    this.key = session ?? socket;
    this.#socket = socket;
    this.#session = session;
    this.#budget = new RequestBudget(limits.maxConcurrentStreams);
  }

  /** Whether one more request may begin. */
  admit(): boolean {
    return this.#budget.admit(this.exchanges.size);
  }

  begin(exchange: Exchange): void {
    this.exchanges.add(exchange);
    this.#headerSince = 0;
  }

  end(exchange: Exchange): void {
    if (this.exchanges.delete(exchange) && this.exchanges.size === 0) {
      this.#idleSince = performance.now();
      if (this.#closing) {
        this.#hangUp();
      }
    }
  }

  /** HTTP/1.1 only: bytes arrived; outside of a request they are the start of one. */
  received(): void {
    if (this.exchanges.size === 0 && this.#headerSince === 0) {
      this.#headerSince = performance.now();
    }
  }

  /** Takes no further requests; ends when those in flight are answered. */
  close(): void {
    this.#closing = true;
    this.#session?.close();
    for (const exchange of this.exchanges) {
      exchange.drain();
    }
    if (this.exchanges.size === 0) {
      this.#hangUp();
    }
  }

  /** Since when it has had no request in flight, by performance.now(); undefined while it has one. */
  get idleSince(): number | undefined {
    return this.exchanges.size === 0 ? this.#idleSince : undefined;
  }

  get closing(): boolean {
    return this.#closing;
  }

  destroy(reason: string): void {
    for (const exchange of [...this.exchanges]) {
      exchange.abort(reason);
    }
    this.#session?.destroy();
    this.#socket.destroy();
  }

  /** Ends what has waited for too long. */
  sweep(now: number, limits: Limits): void {
    if (this.exchanges.size === 0) {
      const headersAreLate =
        this.#headerSince !== 0 && now - this.#headerSince > limits.headerTimeoutMs;
      if (this.#closing || headersAreLate || now - this.#idleSince > limits.idleTimeoutMs) {
        this.destroy("the connection was idle for too long");
      }
      return;
    }
    for (const exchange of [...this.exchanges]) {
      if (exchange.bodyDeadline !== 0 && now > exchange.bodyDeadline) {
        exchange.abort("the body of the request took too long");
      }
    }
  }

  #hangUp(): void {
    // An HTTP/2 session ends by itself after GOAWAY, once what it has to send is out.
    if (this.#session === undefined) {
      this.#socket.end();
    }
  }
}
