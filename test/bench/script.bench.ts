/**
 * `auraescript` on an empty script, beside the runtimes that can be had; `aer` from exec to an answer over mTLS; and how much
 * of a bare Connect client's calls per second is left to a script.
 */
import { join, resolve } from "node:path";
import { TestDaemon } from "../harness/daemon.ts";
import { Scripts } from "../harness/script.ts";
import { figuresOf, printFigures, printValue } from "./stats.ts";

const STARTS = 40;
const CALLS = 10_000;
const ROUNDS = 3;
const START_BOUND_MS = 40;
const DISCOVER_BOUND_MS = 80;
const SHARE_BOUND = 0.9;

const DIST = resolve(import.meta.dir, "../../dist");

/** From exec to exit. */
async function timed(argv: readonly string[]): Promise<number> {
  const start = performance.now();
  const child = Bun.spawn([...argv], { stdio: ["ignore", "ignore", "inherit"] });
  const code = await child.exited;
  if (code !== 0) {
    throw new Error(`${argv.join(" ")} ended with ${code}`);
  }
  return performance.now() - start;
}

/** All of them by turns, so that what else the machine does hits them alike. */
async function compare(programs: Readonly<Record<string, readonly string[]>>) {
  const samples = new Map(Object.keys(programs).map((name) => [name, [] as number[]]));
  for (let round = -1; round < STARTS; round += 1) {
    for (const [name, argv] of Object.entries(programs)) {
      const ms = await timed(argv);
      if (round >= 0) {
        samples.get(name)?.push(ms);
      }
    }
  }
  return samples;
}

/** What bare-client.ts does, as a script. */
const SCRIPT = `import { createClient, discovery as api } from "aurae";
const discovery = new api.DiscoveryServiceClient(await createClient());
const start = performance.now();
for (let i = 0; i < ${CALLS}; i += 1) {
  await discovery.discover({});
}
console.log(${CALLS} / ((performance.now() - start) / 1000));
`;

async function callsPerSecond(argv: readonly string[], scripts: Scripts): Promise<number> {
  const child = Bun.spawn([...argv], { cwd: scripts.folder, stdio: ["ignore", "pipe", "inherit"] });
  const printed = await child.stdout.text();
  await child.exited;
  return Number(printed);
}

const daemon = await TestDaemon.start();
const scripts = Scripts.against(daemon);
try {
  const config = scripts.path("config");
  const empty = scripts.write("empty.ts", "");
  const samples = await compare({
    "auraescript, an empty script, exec to exit": [join(DIST, "auraescript"), empty],
    "peer: bun, the same": [process.execPath, empty],
    "peer: node, an empty module": ["node", scripts.write("empty.mjs", "")],
    "aer discovery discover, exec to exit": [
      ...[join(DIST, "aer"), "--config", config, "discovery", "discover"],
    ],
    "auraescript, a script that asks the same": [
      ...[join(DIST, "auraescript"), "--config", config],
      scripts.write(
        "discover.ts",
        'import { discovery } from "aurae";\nawait new discovery.DiscoveryServiceClient().discover();\n',
      ),
    ],
  });
  for (const [name, values] of samples) {
    printFigures(name, "ms", values);
  }
  console.log(
    `    bounds: ${START_BOUND_MS} ms for the empty script, ${DISCOVER_BOUND_MS} ms for discover`,
  );
  const bare = [join(import.meta.dir, "bare-client.ts"), daemon.socket, daemon.pki(), `${CALLS}`];
  const script = scripts.write("calls.ts", SCRIPT);
  const shares: number[] = [];
  const rates = { bare: [] as number[], script: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    const one = await callsPerSecond([process.execPath, ...bare], scripts);
    const other = await callsPerSecond(
      [join(DIST, "auraescript"), "--config", config, script],
      scripts,
    );
    rates.bare.push(one);
    rates.script.push(other);
    shares.push(other / one);
  }
  printFigures(`peer: a bare Connect client, ${CALLS} calls`, "/s", rates.bare);
  printFigures(`auraescript, ${CALLS} calls`, "/s", rates.script);
  printValue("  of the bare client's", "x", figuresOf(shares).median, `bound ${SHARE_BOUND}`);
} finally {
  scripts[Symbol.dispose]();
  await daemon.stop();
}
