/**
 * A loop of calls by the Connect client that the scripts' library is built on, and by nothing else; prints calls per second.
 * Its words: a socket, a folder of certificates, a number of calls.
 */
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { readCredentials } from "../../src/client/credentials.ts";
import { createTransport } from "../../src/client/transport.ts";
import { DiscoveryService } from "../../src/gen/aurae/discovery/v0/discovery_pb.ts";

const [, , path = "", pki = "", calls = ""] = process.argv;
const paths = {
  caCrt: join(pki, "ca.crt"),
  clientCrt: join(pki, "_signed.client.nova.crt"),
  clientKey: join(pki, "client.nova.key"),
};
const discovery = createClient(
  DiscoveryService,
  createTransport({ address: { kind: "unix", path }, credentials: readCredentials(paths), paths }),
);
const start = performance.now();
for (let i = 0; i < Number(calls); i += 1) {
  await discovery.discover({});
}
console.log(Number(calls) / ((performance.now() - start) / 1000));
