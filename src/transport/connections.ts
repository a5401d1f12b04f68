/**
 * The connections of a server: which handshakes are under way, who each finished one belongs to, what it has in
 * flight, and when it has waited too long. One timer serves all of them; Bun's own request and idle timers don't
 * work on these servers. Knows nothing of RPCs.
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

/** How often the connections are looked at: often enough for the shortest limit, at most once in 20 ms. */
function sweepIntervalMs(limits: Limits): number {
  const shortest = Math.min(limits.idleTimeoutMs, limits.headerTimeoutMs, limits.bodyTimeoutMs);
  return Math.max(20, Math.min(1_000, shortest / 4));
}

/** All authenticated connections of a server. */
export class Connections<P> {
  readonly #limits: Limits;
  readonly #open = new Map<object, Connection<P>>();
  #timer: NodeJS.Timeout | undefined;
  #whenEmpty: (() => void) | undefined;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#open.size;
  }

  /** The connection of an HTTP/2 session or an HTTP/1.1 socket. */
  of(key: object): Connection<P> | undefined {
    return this.#open.get(key);
  }

  add(key: object, connection: Connection<P>): void {
    this.#open.set(key, connection);
    if (this.#timer === undefined) {
      this.#timer = setInterval(() => this.#sweep(), sweepIntervalMs(this.#limits));
      this.#timer.unref();
    }
  }

  remove(key: object): void {
    this.#open.delete(key);
    if (this.#open.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.#whenEmpty?.();
    }
  }

  /** Lets requests in flight finish, for at most so long, and then ends every connection. */
  async drain(graceMs: number): Promise<void> {
    if (this.#open.size === 0) {
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenEmpty = resolve;
    const timer = setTimeout(() => {
      for (const connection of [...this.#open.values()]) {
        connection.destroy("the server is shutting down");
      }
      resolve();
    }, graceMs);
    for (const connection of [...this.#open.values()]) {
      connection.close();
    }
    await promise;
    clearTimeout(timer);
  }

  #sweep(): void {
    const now = performance.now();
    for (const connection of [...this.#open.values()]) {
      connection.sweep(now, this.#limits);
    }
  }
}
