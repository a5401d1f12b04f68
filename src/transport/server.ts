/**
 * The API's server: any number of listeners, one set of handlers, mTLS on all of them. Connect, gRPC and gRPC-Web
 * arrive here; who the peer is and what it may do is for those who are handed in to say.
 */
import { constants, type ServerHttp2Session } from "node:http2";
import type { TLSSocket } from "node:tls";
import type { Principal } from "../authz/identity.ts";
import { messageOf } from "../base/errors.ts";
import { log, type LogFields } from "../base/log.ts";
import { type Address, printedAddress } from "./address.ts";
import { Connection } from "./connection.ts";
import { Connections } from "./connections.ts";
import type { NodeRequest, NodeResponse } from "./exchange.ts";
import { type Limits, LIMITS } from "./limits.ts";
import { Listener } from "./listener.ts";
import type { AnswerRequest } from "./rpc.ts";
import type { TlsMaterial } from "./tls.ts";

/** What is known of an authenticated peer. */
export interface Peer {
  /** Its certificate, in DER, verified against the CA. */
  readonly certificate: Uint8Array;
  /** The descriptor of its connection, on Unix sockets only, and not of a relay's: for SO_PEERCRED. */
  readonly unixFd: number | undefined;
  /** Whether it is on this machine: at a Unix socket, or at an address of the machine's own. */
  readonly isLocal: boolean;
}

export interface ServerOptions {
  readonly listeners: readonly Address[];
  readonly tls: TlsMaterial;
  readonly limits?: Partial<Limits>;
  /** Called once a connection. A throw closes the connection. */
  readonly identify: (peer: Peer) => Principal;
}

/** Others wait for these lines in the log. */
const GREETINGS: Readonly<Record<Address["kind"], string>> = {
  tcp: "TCP Access Socket created",
  unix: "User Access Socket Created",
  relay: "Relayed Access Socket created",
};

export class Server {
  readonly #limits: Limits;
  readonly #identify: ServerOptions["identify"];
  readonly #connections: Connections<Principal>;
  readonly #ready = Promise.withResolvers<AnswerRequest>();
  #answer: AnswerRequest | undefined;
  #load: (() => Promise<AnswerRequest>) | undefined;
  #listeners: Listener[] = [];

  private constructor(options: ServerOptions) {
    this.#limits = { ...LIMITS, ...options.limits };
    this.#identify = options.identify;
    this.#connections = new Connections(this.#limits);
  }

  /**
   * Binds every listener and accepts connections on all of them; if one fails, none is left behind. Requests wait for
   * `serve`.
   * @throws {AuraeError} failed_precondition naming the address and what to do
   */
  static async listen(options: ServerOptions): Promise<Server> {
    const server = new Server(options);
    try {
      for (const address of options.listeners) {
        server.#listeners.push(await server.#open(address, options.tls));
      }
    } catch (error) {
      await server.close(0);
      throw error;
    }
    return server;
  }

  /** Answers requests from now on, those that have come before it first. */
  serve(answer: AnswerRequest): void {
    this.#answer = answer;
    this.#ready.resolve(answer);
  }

  /**
   * Has what answers requests loaded once the first peer was let in; requests wait for it. A daemon that nobody talks to
   * never needs it.
   */
  serveWhenAsked(load: () => Promise<AnswerRequest>): void {
    this.#load = load;
    if (this.#connections.size > 0) {
      this.#startLoading();
    }
  }

  #startLoading(): void {
    const load = this.#load;
    this.#load = undefined;
    // It is in the executable: should it fail, that ends the process, as it must.
    void load?.().then((answer) => this.serve(answer));
  }

  /** Where it listens, in the order of the options, with the ports that the kernel chose. */
  get addresses(): readonly Address[] {
    return this.#listeners.map((listener) => listener.address);
  }

  /** How many authenticated connections are open. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Uses other credentials for the handshakes from now on. Connections that are open stay as they are. */
  updateTls(tls: TlsMaterial): void {
    for (const listener of this.#listeners) {
      listener.updateTls(tls);
    }
  }

  /** Ends all that are open at once; new ones are let in as before. */
  endConnections(reason: string): void {
    this.#connections.destroyAll(reason);
  }

  /** Accepts no more, lets requests in flight finish for at most `graceMs`, ends streams, and then closes all. */
  async close(graceMs: number): Promise<void> {
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) {
      listener.close();
    }
    await this.#connections.drain(graceMs);
  }

  async #open(address: Address, tls: TlsMaterial): Promise<Listener> {
    const listener = await Listener.open(address, tls, this.#limits, {
      onConnection: (socket, session) => this.#accept(socket, session, address.kind),
      onRequest: (request, response) => this.#take(request, response),
    });
    const printed = printedAddress(listener.address);
    log.info(`${GREETINGS[address.kind]}: ${printed}`);
    return listener;
  }

  #accept(socket: TLSSocket, session: ServerHttp2Session | undefined, kind: Address["kind"]): void {
    const refuse = (why: string, fields: LogFields) => {
      log.warn(`connection refused: ${why}`, fields);
      session?.destroy();
      socket.destroy();
    };
    let principal: Principal;
    try {
      principal = this.#identify({
        certificate: socket.getPeerCertificate().raw,
        unixFd: kind === "unix" ? descriptorOf(socket) : undefined,
        isLocal: kind === "unix" || (kind === "tcp" && comesFromHere(socket)),
      });
    } catch (error) {
      refuse("the peer has no identity", { reason: messageOf(error) });
      return;
    }
    if (!this.#connections.admit(principal)) {
      const { maxConnections, maxConnectionsPerPrincipal } = this.#limits;
      refuse("too many are open", {
        peer: principal.name,
        limit: maxConnections,
        limitPerPrincipal: maxConnectionsPerPrincipal,
      });
      return;
    }
    const connection = new Connection(principal, socket, session, this.#limits);
    this.#connections.add(connection);
    this.#startLoading();
    socket.once("close", () => {
      connection.destroy("the peer closed the connection");
      this.#connections.remove(connection);
    });
    if (session === undefined) {
      socket.on("data", () => connection.received());
    }
    session?.on("error", (error) => logSessionError(error, principal));
  }

  #take(request: NodeRequest, response: NodeResponse): void {
    const key = "stream" in request ? request.stream.session : request.socket;
    const connection = key === undefined ? undefined : this.#connections.of(key);
    if (connection === undefined) {
      request.destroy();
    } else if (this.#answer !== undefined) {
      this.#answer(request, response, connection);
    } else {
      // A peer that goes away while it waits must not end the process.
      request.on("error", () => undefined);
      response.on("error", () => undefined);
      void this.#ready.promise.then((answer) => answer(request, response, connection));
    }
  }
}

/** Peers make errors and go away at any time; one that floods us is worth a line. */
function logSessionError(error: Error, { name }: Principal): void {
  if (error.message.includes(`error code ${constants.NGHTTP2_ENHANCE_YOUR_CALM}`)) {
    log.warn("connection ended: too many of its requests were refused", { peer: name });
  } else {
    log.trace("connection failed", { peer: name, reason: error.message });
  }
}

/**
 * The kernel takes no packet from outside whose source is loopback or an address of its own (ip-sysctl, "rp_filter" and
 * "accept_local").
 */
function comesFromHere({ remoteAddress, localAddress }: TLSSocket): boolean {
  const from = remoteAddress?.replace(/^::ffff:/i, "");
  const isLoopback = from === "::1" || (from?.startsWith("127.") ?? false);
  return isLoopback || (from !== undefined && from === localAddress?.replace(/^::ffff:/i, ""));
}

/** Bun and Node both keep the descriptor of a socket there, though neither documents it. */
function descriptorOf(socket: TLSSocket): number | undefined {
  const handle: unknown = Reflect.get(socket, "_handle");
  const fd: unknown = typeof handle === "object" && handle !== null ? Reflect.get(handle, "fd") : 0;
  return typeof fd === "number" && fd > 2 ? fd : undefined;
}
