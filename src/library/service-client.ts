/** What every service's class is made of: the client that its calls go over, and what a call can be told. */
import { Client } from "./client.ts";
import { quoted } from "./message/refusal.ts";

/** What a single call can be told. */
export interface CallOptions {
  /** Ends the call when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Ends the call after so many milliseconds, with DEADLINE_EXCEEDED. Left out: never. */
  readonly timeoutMs?: number | undefined;
}

export abstract class ServiceClient {
  static readonly name: string = "ServiceClient";
  /** None: the one client that all services without one share. */
  readonly client: Client | undefined;

  /** @throws {TypeError} for what is no client */
  constructor(client?: Client) {
    if (client !== undefined && !(client instanceof Client)) {
      const remedy =
        Object.prototype.toString.call(client) === "[object Promise]"
          ? "; await createClient()"
          : "; make one with createClient()";
      throw new TypeError(`${new.target.name}: want a client, not ${quoted(client)}${remedy}`);
    }
    this.client = client;
  }
}
