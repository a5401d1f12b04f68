/**
 * Unary calls over one open mTLS HTTP/2 connection, by Node's client, at concurrency 1 and 64. The peers answer the same
 * bytes with nothing behind them: node:http2 on Bun, which is what the daemon stands on, and on Node.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { TestDaemon } from "../harness/daemon.ts";
import { figuresOf, printFigures, printValue } from "./stats.ts";

const SECONDS = 3;
const ROUNDS = 3;
const CONCURRENCIES = [1, 64] as const;

interface Run {
  readonly latenciesMs: number[];
  readonly seconds: number;
  readonly errors: number;
}

const daemon = await TestDaemon.start();
const identity = {
  ca: daemon.pki("ca.crt"),
  cert: daemon.pki("_signed.client.nova.crt"),
  key: daemon.pki("client.nova.key"),
};
const serverIdentity = {
  ca: daemon.pki("ca.crt"),
  cert: daemon.pki("_signed.server.crt"),
  key: daemon.pki("server.key"),
};

async function load(port: number, path: string, body: string, concurrency: number): Promise<Run> {
  const options = { authority: `127.0.0.1:${port}`, path, body, concurrency, seconds: SECONDS };
  const child = Bun.spawn(
    ["node", join(import.meta.dir, "load.mjs"), JSON.stringify({ ...options, ...identity })],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  return JSON.parse(await child.stdout.text());
}

async function floor(runtime: string) {
  const child = Bun.spawn(
    [runtime, join(import.meta.dir, "floor.mjs"), JSON.stringify(serverIdentity)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  return { child, port: Number(new TextDecoder().decode(value)) };
}

const bun = await floor(process.execPath);
const node = await floor("node");
const targets = [
  ["auraed Discover", daemon.port, "/aurae.discovery.v0.DiscoveryService/Discover", "{}"],
  [
    "auraed Stop, validated, of what is not there",
    daemon.port,
    "/aurae.cells.v0.CellService/Stop",
    '{"executableName":"nobody"}',
  ],
  ["auraed List", daemon.port, "/aurae.cells.v0.CellService/List", "{}"],
  ["peer: node:http2 on Bun", bun.port, "/", "{}"],
  ["peer: node:http2 on Node", node.port, "/", "{}"],
] as const;
try {
  for (const concurrency of CONCURRENCIES) {
    const runs = new Map<string, Run[]>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, port, path, body] of targets) {
        const run = await load(port, path, body, concurrency);
        runs.set(name, [...(runs.get(name) ?? []), run]);
      }
    }
    console.log(`  concurrency ${concurrency}`);
    const rate = (name: string): number =>
      figuresOf((runs.get(name) ?? []).map((it) => it.latenciesMs.length / it.seconds)).median;
    for (const [name] of targets) {
      const all = (runs.get(name) ?? []).flatMap((it) => it.latenciesMs);
      printFigures(name, "ms", all);
      const lost = (runs.get(name) ?? []).reduce((sum, it) => sum + it.errors, 0);
      if (lost > 0) {
        printValue(`${name}, calls without an answer`, "", lost);
      }
      const ratio = rate(name) / rate("peer: node:http2 on Bun");
      printValue(
        `${name}, calls per second`,
        "/s",
        rate(name),
        `x${ratio.toFixed(2)} of Bun's floor`,
      );
    }
  }
} finally {
  bun.child.kill();
  node.child.kill();
  await Promise.all([bun.child.exited, node.child.exited]);
  await daemon.stop();
  rmSync(daemon.directory, { recursive: true, force: true });
}
