/** Where handlers and interceptors find the caller of an RPC. */
import { createContextKey } from "@connectrpc/connect";
import type { Principal } from "./identity.ts";

export const principalKey = createContextKey<Principal>(
  { dnsNames: [], name: "nobody" },
  { description: "the authenticated caller" },
);
