/**
 * From exec to a socket that accepts, to the first answer, how long one call by `aer` takes, and the memory of a daemon that nobody has talked to yet and of one that
 * somebody has. The peer is an executable that Bun compiled from an empty program: what no Bun program can be below.
 */
import { mkdtempSync, readFileSync, rmSync, statSync, watch } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Caller, curlCall } from "../harness/curl.ts";
import { AURAED, TestDaemon } from "../harness/daemon.ts";
import { printFigures, printValue } from "./stats.ts";

const STARTS = 20;
const MIB = 1024 * 1024;
/** How long a daemon is left alone before its memory counts as idle. */
const SETTLE_MS = 1_000;

function residentMib(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) / 1024;
}

/** Resolves when a socket accepts: looks whenever its folder changes, so that looking takes nothing from the daemon. */
async function accepting(path: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = async () => {
    if (await accepts(path)) {
      resolve();
    }
  };
  const watcher = watch(dirname(path), () => void look());
  try {
    await look();
    await promise;
  } finally {
    watcher.close();
  }
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

interface Started {
  readonly child: Bun.Subprocess;
  readonly startedAt: number;
  readonly caller: Caller;
  /** From exec to a socket that accepts. */
  readonly startMs: number;
}

async function startDaemon(flags: readonly string[], directory: string): Promise<Started> {
  const path = join(directory, "bench.sock");
  rmSync(path, { force: true });
  const startedAt = performance.now();
  const child = Bun.spawn([AURAED, ...flags, "--socket", path], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  await accepting(path);
  const startMs = performance.now() - startedAt;
  const caller = { pki: join(directory, "pki"), authority: "localhost", socket: path };
  return { child, startedAt, caller, startMs };
}

async function end(child: Bun.Subprocess): Promise<void> {
  child.kill();
  await child.exited;
}

async function measureStart(flags: readonly string[], directory: string) {
  const { child, caller, startMs } = await startDaemon(flags, directory);
  await Bun.sleep(SETTLE_MS);
  const idleMib = residentMib(child.pid);
  for (let i = 0; i < 10; i++) {
    const request = { executableName: "nobody" };
    await curlCall(caller, "aurae.cells.v0.CellService/Stop", request);
  }
  const usedMib = residentMib(child.pid);
  await end(child);
  return { startMs, idleMib, usedMib };
}

async function measureFirstAnswer(flags: readonly string[], directory: string): Promise<number> {
  const { child, startedAt, caller } = await startDaemon(flags, directory);
  await curlCall(caller, "grpc.health.v1.Health/Check", {});
  const answerMs = performance.now() - startedAt;
  await end(child);
  return answerMs;
}

/** From exec to the exit of `aer`, with a connection, mTLS and an answer between. */
async function measureAer(flags: readonly string[], directory: string): Promise<number[]> {
  const { child } = await startDaemon(flags, directory);
  const pki = join(directory, "pki");
  const words = [
    ...["aer", "discovery", "discover", "--socket", join(directory, "bench.sock")],
    ...["--ca-crt", join(pki, "ca.crt")],
    ...["--client-crt", join(pki, "_signed.client.nova.crt")],
    ...["--client-key", join(pki, "client.nova.key")],
  ];
  const times: number[] = [];
  for (let i = 0; i <= STARTS; i++) {
    const start = performance.now();
    const aer = Bun.spawn([AURAED, ...words], { stdio: ["ignore", "ignore", "inherit"] });
    if ((await aer.exited) !== 0) {
      throw new Error("aer discovery discover failed");
    }
    times.push(performance.now() - start);
  }
  await end(child);
  // The first one finds neither the daemon's code nor its own warm.
  return times.slice(1);
}

async function emptyProgram(directory: string): Promise<() => Promise<number>> {
  const source = join(directory, "empty.ts");
  const out = join(directory, "empty");
  await Bun.write(source, "export {};\n");
  await Bun.$`${process.execPath} build --compile --bytecode --format=esm ${source} --outfile ${out}`.quiet();
  return async () => {
    const start = performance.now();
    await Bun.spawn([out], { stdio: ["ignore", "ignore", "inherit"] }).exited;
    return performance.now() - start;
  };
}

const { directory, flags } = await TestDaemon.prepare();
const scratch = mkdtempSync(join(tmpdir(), "aurae-bench-"));
try {
  const runEmpty = await emptyProgram(scratch);
  await runEmpty();
  await measureStart(flags, directory);
  const peers: number[] = [];
  const starts: Awaited<ReturnType<typeof measureStart>>[] = [];
  const answers: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    peers.push(await runEmpty());
    starts.push(await measureStart(flags, directory));
    answers.push(await measureFirstAnswer(flags, directory));
  }
  printFigures(
    "auraed, exec to an accepting socket",
    "ms",
    starts.map((it) => it.startMs),
  );
  printFigures("auraed, exec to curl's first answer over mTLS", "ms", answers);
  printFigures("aer discovery discover, exec to exit", "ms", await measureAer(flags, directory));
  printFigures("peer: an empty compiled program, exec to exit", "ms", peers);
  printFigures(
    "auraed, resident and idle",
    "MiB",
    starts.map((it) => it.idleMib),
  );
  printFigures(
    "auraed, resident after ten calls",
    "MiB",
    starts.map((it) => it.usedMib),
  );
  printValue("dist/auraed", "MiB", statSync(AURAED).size / MIB);
} finally {
  rmSync(directory, { recursive: true, force: true });
  rmSync(scratch, { recursive: true, force: true });
}
