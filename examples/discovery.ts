#!/usr/bin/env auraescript
/**
 * Discovery: whether there is a daemon, and which one. Needs no role, only a certificate.
 *
 *     auraescript examples/discovery.ts                   the daemon of your configuration
 *     auraescript examples/discovery.ts ADDRESS...        those, with the certificate of your configuration
 */
import { createClient, discovery } from "aurae";

const addresses = process.argv.slice(2);
const clients =
  addresses.length === 0
    ? [await createClient()]
    : await Promise.all(addresses.map((socket) => createClient({ socket })));

for (const client of clients) {
  try {
    // Two seconds are enough for an answer, or for none.
    const service = new discovery.DiscoveryServiceClient(client);
    const { healthy, version } = await service.discover({}, { timeoutMs: 2_000 });
    console.log(`${client.address}: auraed ${version}, ${healthy ? "healthy" : "not healthy"}`);
  } catch (error) {
    console.log(`${client.address}: no answer (${String(error)})`);
    process.exitCode = 1;
  }
}
