/**
 * The connections of a server: who holds how many, who has to go for another to come in, and who has waited too long.
 * One timer serves all of them; Bun's own request and idle timers don't work on these servers. Knows nothing of RPCs.
 */
import { log } from "../base/log.ts";
import type { Connection } from "./connection.ts";
import type { Limits } from "./limits.ts";

/** How often the connections are looked at: often enough for the shortest limit, at most once in 20 ms. */
function sweepIntervalMs(limits: Limits): number {
  const shortest = Math.min(limits.idleTimeoutMs, limits.headerTimeoutMs, limits.bodyTimeoutMs);
  return Math.max(20, Math.min(1_000, shortest / 4));
}

/** The one that has been idle for the longest, if any is. */
function longestIdle<P>(connections: Iterable<Connection<P>>): Connection<P> | undefined {
  let found: Connection<P> | undefined;
  for (const connection of connections) {
    const { idleSince } = connection;
    if (idleSince !== undefined && idleSince < (found?.idleSince ?? Number.POSITIVE_INFINITY)) {
      found = connection;
    }
  }
  return found;
}

/** All authenticated connections of a server. Principals of one name are one. */
export class Connections<P extends { readonly name: string }> {
  readonly #limits: Limits;
  readonly #open = new Map<object, Connection<P>>();
  /** The same by the principal's name, oldest first. */
  readonly #byPrincipal = new Map<string, Set<Connection<P>>>();
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

  /**
   * Makes room for one more connection of a principal. In a full house the principal with the most connections gives
   * one up, an idle one if it has any: nobody can lock others out by holding connections.
   * @returns false if there is no room
   */
  admit({ name }: P): boolean {
    const own = this.#byPrincipal.get(name) ?? new Set();
    if (own.size >= this.#limits.maxConnectionsPerPrincipal) {
      return this.#evict(longestIdle(own));
    }
    if (this.#open.size < this.#limits.maxConnections) {
      return true;
    }
    let most = own;
    for (const theirs of this.#byPrincipal.values()) {
      most = theirs.size > most.size ? theirs : most;
    }
    const [oldest] = most;
    return this.#evict(longestIdle(most) ?? (most === own ? undefined : oldest));
  }

  add(connection: Connection<P>): void {
    const { key, principal } = connection;
    this.#open.set(key, connection);
    const own = this.#byPrincipal.get(principal.name) ?? new Set();
    this.#byPrincipal.set(principal.name, own.add(connection));
    if (this.#timer === undefined) {
      this.#timer = setInterval(() => this.#sweep(), sweepIntervalMs(this.#limits));
      this.#timer.unref();
    }
  }

  remove(connection: Connection<P>): void {
    const { key, principal } = connection;
    this.#open.delete(key);
    const own = this.#byPrincipal.get(principal.name);
    own?.delete(connection);
    if (own?.size === 0) {
      this.#byPrincipal.delete(principal.name);
    }
    if (this.#open.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.#whenEmpty?.();
    }
  }

  destroyAll(reason: string): void {
    for (const connection of [...this.#open.values()]) {
      connection.destroy(reason);
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
      this.destroyAll("the server is shutting down");
      resolve();
    }, graceMs);
    for (const connection of [...this.#open.values()]) {
      connection.close();
    }
    await promise;
    clearTimeout(timer);
  }

  #evict(connection: Connection<P> | undefined): boolean {
    if (connection === undefined) {
      return false;
    }
    // Not when its socket has closed: until then it would be counted, and evicted, again.
    this.remove(connection);
    log.warn("connection ended: another needs its place", { peer: connection.principal.name });
    connection.destroy("another connection needs its place");
    return true;
  }

  #sweep(): void {
    const now = performance.now();
    for (const connection of [...this.#open.values()]) {
      connection.sweep(now, this.#limits);
    }
  }
}
