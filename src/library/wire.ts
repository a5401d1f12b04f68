/** What is behind a client, which scripts do not see. */
import type { ClientTransport } from "../client/transport.ts";
import type { Client } from "./client.ts";

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

/** Gives a client its way. */
export function openWire(client: Client, wire: object): void {
  wires.set(client, wire as Wire);
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
