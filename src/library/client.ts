/**
 * A client, as scripts hold one: a way to one daemon that services are called over. It connects with the first call.
 */
import type { ClientTransport } from "../client/transport.ts";

/** The two ways to a daemon. */
export interface Wire {
  /** Where it leads, as a person would write it. */
  readonly address: string;
  readonly transport: ClientTransport;
  /** For calls whose requests are a stream. */
  readonly duplex: () => Promise<ClientTransport>;
}

const wires = new WeakMap<Client, Wire>();
const connected = new WeakSet<Client>();

/** Made by `createClient`. One client is enough for any number of services, and of calls at a time. */
export class Client implements Disposable {
  // Bundling shortens the names of classes, and this one is printed.
  static readonly name: string = "Client";

  /** Not for scripts: `createClient` makes clients. */
  constructor(wire: object) {
    wires.set(this, wire as Wire);
  }

  /** Where the daemon is: a socket's path, or host and port. */
  get address(): string {
    return wireOf(this).address;
  }

  /** Closes idle connections; calls in flight go on. Not needed at the end of a script. */
  close(): void {
    wireOf(this).transport.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** @throws {TypeError} for what is no client */
export function wireOf(client: Client): Wire {
  const wire = wires.get(client);
  if (wire === undefined) {
    throw new TypeError("this is no client: make one with createClient()");
  }
  return wire;
}

/** Whether a call of this client was ever answered. */
export function wasConnected(client: Client): boolean {
  return connected.has(client);
}

export function noteConnected(client: Client): void {
  connected.add(client);
}
