#!/usr/bin/env auraescript
/**
 * A rollout: brings a new version to several nodes, one after the other, over mTLS. A node on which it does not become
 * healthy goes back to the version before, and the rollout ends there.
 *
 *     auraescript examples/rollout.ts OLD NEW CONFIG...
 *
 * Each CONFIG is the client's configuration for one node, as `auraed pki --config` writes it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { apply, cells, type Client, createClient, type Desired } from "aurae";

const [before = "", after = "", ...configs] = process.argv.slice(2);
if (configs.length === 0) {
  console.error("usage: auraescript examples/rollout.ts OLD NEW CONFIG...");
  process.exit(2);
}

/** How long a node has to become healthy. */
const PATIENCE_MS = 20_000;

/** A service that says so when it is ready, and is checked. A version that begins with "bad" never is healthy. */
function service(version: string): Desired {
  return {
    cells: [
      {
        name: "service",
        executables: [
          {
            name: "server",
            command: "sleep 1000",
            env: { VERSION: version },
            healthCheck: {
              command: `case ${version} in bad*) exit 1;; esac`,
              intervalMs: 200,
              retries: 2,
            },
          },
        ],
      },
    ],
  };
}

/** Waits until the health check of a node's server has a verdict. */
async function isHealthy(client: Client): Promise<boolean> {
  const service = new cells.CellServiceClient(client);
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(200)) {
    const { executables } = await service.status({ cellName: "service" });
    const health = executables.find(({ name }) => name === "server")?.health;
    if (health !== cells.Health.UNSPECIFIED) {
      return health === cells.Health.HEALTHY;
    }
  }
  return false;
}

for (const config of configs) {
  // Each node has a certificate of its own, and so have we, for each.
  const client = await createClient(config);
  console.log(`${client.address}: ${after}`);
  await apply(service(after), { client });
  if (!(await isHealthy(client))) {
    console.log(`${client.address}: not healthy, back to ${before}`);
    await apply(service(before), { client });
    process.exit(1);
  }
  console.log(`${client.address}: healthy`);
}
console.log(`${configs.length} nodes have ${after}`);
