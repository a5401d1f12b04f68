/**
 * A client, as scripts hold one: a way to one daemon that services are called over. It connects with the first call.
 */
import { openWire, wireOf } from "./wire.ts";

/** Made by `createClient`. One client is enough for any number of services, and of calls at a time. */
export class Client implements Disposable {
  // Bundling shortens the names of classes, and this one is printed.
  static readonly name: string = "Client";

  /** Not for scripts: `createClient` makes clients. */
  constructor(wire: object) {
    openWire(this, wire);
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
