/**
 * Output of one writer into a history, with followers over mTLS in raw mode: how fast, at which cost, and whether every line is
 * accounted for. The peers take the same writer's output: a plain file, and journald as it serves a service of systemd.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { GetSubProcessStreamRequestSchema } from "../../src/gen/aurae/observe/v0/observe_pb.ts";
import { eventually } from "../harness/eventually.ts";
import type { Order, Outcome } from "./output-daemon.ts";
import { figuresOf, printFigures, printValue } from "./stats.ts";

const ROUNDS = 3;
const LINE_BYTES = 100;
const MIB = 1024 * 1024;

/** The rate that the project promises, kept by the writer. */
const PACE = 200_000;
const PACED_LINES = 600_000;
const FAST_LINES = 2_000_000;
const GIB_LINES = Math.ceil(2 ** 30 / LINE_BYTES);
const JOURNAL_LINES = 100_000;

/** The daemon's growth that the project promises not to pass, whatever a writer does. */
const GROWTH_BOUND_MIB = 256;

const script = (name: string): string => join(import.meta.dir, name);
const writerOf = (lines: number, perSecond = 0): string[] => [
  "node",
  script("output-lines.mjs"),
  `${lines}`,
  `${perSecond}`,
];

interface Counts {
  readonly bytes: number;
  readonly missed: number;
  readonly error?: string;
}

interface Run extends Outcome {
  readonly followers: readonly Counts[];
}

interface RunOptions {
  readonly lines: number;
  readonly perSecond?: number;
  readonly followers: number;
  readonly gzip?: boolean;
}

class BenchDaemon {
  readonly #child = Bun.spawn([process.execPath, script("output-daemon.ts")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  readonly #reader = this.#child.stdout.getReader();
  #text = "";
  #where: object | undefined;
  #runs = 0;

  async #line(): Promise<string> {
    const decoder = new TextDecoder();
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#reader.read();
      if (done) {
        throw new Error("the benchmark's daemon has ended");
      }
      this.#text += decoder.decode(value, { stream: true });
    }
  }

  async run({ lines, perSecond = 0, followers, gzip = false }: RunOptions): Promise<Run> {
    this.#where ??= JSON.parse(await this.#line()) as object;
    this.#runs += 1;
    const name = `writer-${this.#runs}`;
    const order: Order = { name, argv: writerOf(lines, perSecond), followers };
    this.#child.stdin.write(`${JSON.stringify(order)}\n`);
    this.#child.stdin.flush();
    await this.#line();
    const schema = GetSubProcessStreamRequestSchema;
    const request = create(schema, { executableName: name, channelType: 1, raw: true });
    const asked = Buffer.from(toBinary(schema, request)).toString("base64");
    const client =
      followers === 0
        ? undefined
        : Bun.spawn(
            [
              "node",
              script("output-followers.mjs"),
              JSON.stringify({ ...this.#where, followers, gzip, request: asked }),
            ],
            { stdio: ["ignore", "pipe", "inherit"] },
          );
    const outcome: Outcome = JSON.parse(await this.#line());
    const counts: Counts[] = client === undefined ? [] : JSON.parse(await client.stdout.text());
    for (const { bytes, missed, error } of counts) {
      if (error !== undefined || bytes + missed !== lines * LINE_BYTES) {
        throw new Error(`not accounted for: ${bytes} + ${missed} bytes, ${error ?? "no error"}`);
      }
    }
    if (outcome.bytes !== lines * LINE_BYTES || outcome.lostBytes > 0) {
      throw new Error(`the history has ${outcome.bytes} bytes, ${outcome.lostBytes} of them lost`);
    }
    return { ...outcome, followers: counts };
  }

  async stop(): Promise<void> {
    this.#child.stdin.end();
    await this.#child.exited;
  }
}

async function timed(argv: readonly string[], stdout: number | "inherit"): Promise<number> {
  const start = performance.now();
  const child = Bun.spawn([...argv], { stdio: ["ignore", stdout, "inherit"] });
  if ((await child.exited) !== 0) {
    throw new Error(`${argv.join(" ")} failed`);
  }
  return (performance.now() - start) / 1000;
}

async function plainFile(folder: string): Promise<number> {
  const path = join(folder, "plain");
  const fd = openSync(path, "w");
  try {
    return FAST_LINES / (await timed(writerOf(FAST_LINES), fd));
  } finally {
    closeSync(fd);
    rmSync(path);
  }
}

/**
 * The same through a journald of our own, with its own name, in memory and without a limit of rate. It ends by itself when
 * it is idle, so there is a new one every time. Undefined where there is none, or not for us.
 */
async function journaldRate(): Promise<number | undefined> {
  const program = "/lib/systemd/systemd-journald";
  const name = "aurae-bench";
  const run = "/run/systemd";
  const settings = `${run}/journald@${name}.conf.d`;
  const sockets = `${run}/journal.${name}`;
  const kept = "/run/log/journal";
  if (process.getuid?.() !== 0 || !existsSync(program) || !existsSync(run)) {
    return undefined;
  }
  mkdirSync(settings, { recursive: true });
  writeFileSync(
    join(settings, "bench.conf"),
    "[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\nRateLimitBurst=0\nRuntimeMaxUse=64M\n",
  );
  const child = Bun.spawn([program, name], { stdio: ["ignore", "ignore", "ignore"] });
  try {
    const socket = join(sockets, "stdout");
    await eventually("journald listens", () => existsSync(socket));
    const argv = ["node", script("output-journal.mjs"), socket, ...writerOf(JOURNAL_LINES)];
    const writeSeconds = await timed(argv, "inherit");
    const syncSeconds = await timed(["journalctl", "--namespace", name, "--sync"], "inherit");
    return JOURNAL_LINES / (writeSeconds + syncSeconds);
  } finally {
    child.kill();
    await child.exited;
    const folders = existsSync(kept) ? readdirSync(kept) : [];
    for (const folder of folders.filter((it) => it.endsWith(`.${name}`))) {
      rmSync(join(kept, folder), { recursive: true, force: true });
    }
    rmSync(settings, { recursive: true, force: true });
    rmSync(sockets, { recursive: true, force: true });
  }
}

const missedShare = (runs: readonly Run[]): string => {
  const counts = runs.flatMap(({ followers }) => followers);
  const missed = counts.reduce((sum, it) => sum + it.missed, 0);
  const all = counts.reduce((sum, it) => sum + it.missed + it.bytes, 0);
  return all === 0 ? "" : `told as missed: ${((100 * missed) / all).toFixed(1)} %`;
};
const medianOf = (runs: readonly Run[], of: (run: Run) => number) => figuresOf(runs.map(of)).median;

const daemon = new BenchDaemon();
const folder = mkdtempSync(join(tmpdir(), "aurae-bench-"));
try {
  const all = new Map<string, Run[]>();
  const files: number[] = [];
  const journals: number[] = [];
  const kinds: readonly (readonly [string, RunOptions])[] = [
    ["nobody follows", { lines: FAST_LINES, followers: 0 }],
    ["one follows", { lines: FAST_LINES, followers: 1 }],
    ["paced 0", { lines: PACED_LINES, perSecond: PACE, followers: 0 }],
    ["paced 1", { lines: PACED_LINES, perSecond: PACE, followers: 1 }],
    ["paced 10", { lines: PACED_LINES, perSecond: PACE, followers: 10 }],
    ["gzip 1", { lines: PACED_LINES, perSecond: PACE, followers: 1, gzip: true }],
    ["gzip 10", { lines: PACED_LINES, perSecond: PACE, followers: 10, gzip: true }],
  ];
  await daemon.run({ lines: PACED_LINES, followers: 1 });
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, options] of kinds) {
      all.set(name, [...(all.get(name) ?? []), await daemon.run(options)]);
    }
    files.push(await plainFile(folder));
    const journald = await journaldRate();
    journals.push(...(journald === undefined ? [] : [journald]));
  }
  const of = (name: string): Run[] => all.get(name) ?? [];
  const rates = (name: string): number[] => of(name).map(({ seconds }) => FAST_LINES / seconds);
  const file = figuresOf(files).median;
  for (const [what, name] of [
    ["history, lines of 100 bytes as fast as they come", "nobody follows"],
    ["history and one follower over mTLS, the same", "one follows"],
  ] as const) {
    printFigures(what, "/s", rates(name));
    const ratio = figuresOf(rates(name)).median / file;
    printValue("  of the plain file", "x", ratio, missedShare(of(name)));
  }
  printFigures("peer: a plain file", "/s", files);
  if (journals.length > 0) {
    printFigures("peer: journald, as the output of a service", "/s", journals);
    printValue(
      "  one follower against it",
      "x",
      figuresOf(rates("one follows")).median / figuresOf(journals).median,
    );
  } else {
    console.log("  peer: journald: not here, or not root");
  }
  console.log(`  processor time of the daemon for ${PACED_LINES} lines at ${PACE} a second`);
  for (const [what, name] of [
    ["nobody follows", "paced 0"],
    ["one follows", "paced 1"],
    ["ten follow", "paced 10"],
    ["one follows, gzip", "gzip 1"],
    ["ten follow, gzip", "gzip 10"],
  ] as const) {
    printFigures(
      `  ${what}`,
      "s",
      of(name).map(({ cpuSeconds }) => cpuSeconds),
    );
  }
  for (const kind of ["paced", "gzip"]) {
    const ratio =
      medianOf(of(`${kind} 10`), (it) => it.cpuSeconds) /
      medianOf(of(`${kind} 1`), (it) => it.cpuSeconds);
    printValue(
      `  ten against one, ${kind === "gzip" ? "gzip" : "plain"}`,
      "x",
      ratio,
      missedShare(of(`${kind} 10`)),
    );
  }
  const gib = await daemon.run({ lines: GIB_LINES, followers: 1 });
  const growth = (gib.rssPeak - gib.rssBefore) / MIB;
  printValue("1 GiB as fast as it goes, one follower", "s", gib.seconds, missedShare([gib]));
  printValue("  the daemon's growth", "MiB", growth, `bound ${GROWTH_BOUND_MIB}`);
} finally {
  await daemon.stop();
  rmSync(folder, { recursive: true, force: true });
}
