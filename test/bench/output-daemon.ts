/**
 * The part of the daemon that the output benchmark measures, in a process of its own: the server with mTLS, the histories,
 * and the reading of a pipe. Prints where it listens, then runs one writer a line of its input, and prints what that took.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recentLog, setLogLevel } from "../../src/base/log.ts";
import { executableName } from "../../src/domain/executables/executable-name.ts";
import type { OutputHistory } from "../../src/domain/output/output-history.ts";
import { OutputStore } from "../../src/domain/output/output-store.ts";
import { SignalPoll } from "../../src/kernel/io/signal-poll.ts";
import { createOutputPipe, type KernelPipe } from "../../src/kernel/process/pipe.ts";
import { createObserveService } from "../../src/service/observe/handler.ts";
import { SERVER_NAME, startFixture } from "../integration/server-fixture.ts";

const SAMPLE_MS = 10;

const poll = new SignalPoll();

export interface Order {
  readonly name: string;
  readonly argv: readonly string[];
  /** The writer starts once so many follow. */
  readonly followers: number;
}

export interface Outcome {
  /** From the writer's start to the end of its output. */
  readonly seconds: number;
  /** Of this process alone, until the last follower had the end. */
  readonly cpuSeconds: number;
  readonly bytes: number;
  readonly lostBytes: number;
  readonly rssBefore: number;
  readonly rssPeak: number;
}

async function drain(pipe: KernelPipe, history: OutputHistory): Promise<void> {
  while (await pipe.readable()) {
    history.drain("stdout", pipe);
  }
  await pipe.close();
  history.close();
}

async function run(order: Order, store: OutputStore): Promise<Outcome> {
  const history = store.open(undefined, executableName(order.name));
  history.begin({ pid: 1, namespacePid: 1, startTime: 1n, startedMs: Date.now() });
  console.log(JSON.stringify({ opened: order.name }));
  const { stdout } = history.views;
  while (stdout.followers < order.followers) {
    await Bun.sleep(1);
  }
  const { pipe, writer } = createOutputPipe(poll);
  Bun.gc(true);
  const rssBefore = process.memoryUsage.rss();
  let rssPeak = rssBefore;
  const sampler = setInterval(() => {
    rssPeak = Math.max(rssPeak, process.memoryUsage.rss());
  }, SAMPLE_MS);
  const usage = process.cpuUsage();
  const start = performance.now();
  const child = Bun.spawn([...order.argv], { stdio: ["ignore", writer.number, "inherit"] });
  writer[Symbol.dispose]();
  await drain(pipe, history);
  const seconds = (performance.now() - start) / 1000;
  await child.exited;
  while (stdout.followers > 0) {
    await Bun.sleep(1);
  }
  clearInterval(sampler);
  const { user, system } = process.cpuUsage(usage);
  const cpuSeconds = (user + system) / 1e6;
  const { lostBytes } = history;
  return { seconds, cpuSeconds, bytes: stdout.end, lostBytes, rssBefore, rssPeak };
}

const folder = mkdtempSync(join(tmpdir(), "aurae-output-bench-"));
try {
  setLogLevel("ERROR");
  const store = new OutputStore({ root: join(folder, "output") });
  await using fixture = await startFixture({ observe: createObserveService(store, recentLog) });
  const where = {
    authority: `localhost:${fixture.port}`,
    servername: SERVER_NAME,
    ca: fixture.authority.certificatePem,
    cert: fixture.admin.certificatePem,
    key: fixture.admin.keyPem,
  };
  console.log(JSON.stringify(where));
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await run(JSON.parse(line), store)));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
