/**
 * Random appends, rotations, reopens, kills, cuts, garbage and full disks against the plain list of all bytes: whoever reads
 * gets or misses every byte, exactly once and in order.
 */
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomFrom } from "../../../test/harness/random.ts";
import { setLogSink } from "../../base/log.ts";
import { HeldBytes } from "../../kernel/process/held-bytes.ts";
import { CellName } from "../cells/cell-name.ts";
import { executableName } from "../executables/executable-name.ts";
import { STREAM_NAMES, type StreamName } from "./layout.ts";
import type { OutputHistory } from "./output-history.ts";
import { OutputStore } from "./output-store.ts";
import type { OutputChunk, OutputSource } from "./sources.ts";

const SEEDS = 40;
const STEPS = 60;
const MAX_BYTES = 64 * 1024;
const CELL = CellName.parse("a/b");
const NAME = executableName("x");

let root: string;
let restoreLog: () => void;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "aurae-history-"));
  restoreLog = setLogSink(() => undefined);
});

afterEach(() => {
  restoreLog();
  rmSync(root, { recursive: true });
});

/** The chunks of one stream tell of `from` to the end, each byte once. @returns how many were missed */
function account(chunks: readonly OutputChunk[], all: Buffer, from = 0): number {
  let at = from;
  let missed = 0;
  for (const chunk of chunks) {
    at += chunk.missedBytes;
    missed += chunk.missedBytes;
    expect(chunk.offset).toBe(at);
    const { length } = chunk.bytes;
    expect(all.subarray(at, at + length).equals(chunk.bytes)).toBe(true);
    at += length;
  }
  expect(at).toBe(all.length);
  return missed;
}

/** Output for a disk that may be full. */
class Pipe extends HeldBytes {
  readonly #world: World;

  constructor(world: World, bytes: Uint8Array) {
    super(bytes);
    this.#world = world;
  }

  override moveTo(fd: number, position: number, maxBytes: number): number {
    if (!this.#world.isFull) {
      return super.moveTo(fd, position, maxBytes);
    }
    // Some of it, and then no more.
    if (maxBytes > 1 && this.#world.random(2) === 0) {
      return super.moveTo(fd, position, maxBytes >> 1);
    }
    throw Object.assign(new Error("no space"), { code: "ENOSPC" });
  }
}

class World {
  readonly random: (below: number) => number;
  readonly all: Record<StreamName, Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  readonly followers: { stream: StreamName; from: number; chunks: Promise<OutputChunk[]> }[] = [];
  store: OutputStore;
  history: OutputHistory;
  isFull = false;
  nowMs = 1_000_000;
  #pid = 10;

  constructor(seed: number) {
    this.random = randomFrom(seed);
    this.store = this.newStore();
    this.history = this.open();
  }

  newStore(): OutputStore {
    return new OutputStore({ root, now: () => this.nowMs });
  }

  open(): OutputHistory {
    const history = this.store.open(CELL, NAME, { maxBytes: MAX_BYTES });
    this.#pid += 1;
    history.begin({
      pid: this.#pid,
      namespacePid: 2,
      startTime: BigInt(this.#pid),
      startedMs: this.nowMs,
    });
    return history;
  }

  append(): void {
    const stream = this.random(3) === 0 ? "stderr" : "stdout";
    const length = this.random(8) === 0 ? this.random(40_000) : this.random(600);
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i++) {
      bytes[i] = this.random(30) === 0 ? 0x0a : this.random(256);
    }
    this.nowMs += this.random(20);
    const pipe = new Pipe(this, Buffer.from(bytes));
    while (pipe.waitingBytes > 0) {
      this.history.drain(stream, pipe);
    }
    this.all[stream] = Buffer.concat([this.all[stream], bytes]);
  }

  follow(): void {
    const stream = STREAM_NAMES[this.random(2)]!;
    const controller = new AbortController();
    const chunks = this.history.read({
      streams: [stream],
      follow: true,
      signal: controller.signal,
    });
    this.followers.push({ stream, from: 0, chunks: Array.fromAsync(chunks) });
  }

  /** The daemon is killed: whoever follows it is, too. */
  async kill(): Promise<void> {
    this.store.abandon();
    await this.checkFollowers();
    this.store = this.newStore();
    this.damage();
    this.history = this.open();
    for (const stream of STREAM_NAMES) {
      // Of a cut end nobody may know.
      const { end } = this.history.views[stream];
      this.all[stream] = Buffer.concat([this.all[stream]]).subarray(0, end);
      expect(end).toBe(this.all[stream].length);
    }
  }

  async close(): Promise<void> {
    this.isFull = false;
    this.history.close();
    await this.checkFollowers();
    this.damage();
    this.history = this.open();
    for (const stream of STREAM_NAMES) {
      expect(this.history.views[stream].end).toBe(this.all[stream].length);
    }
  }

  damage(): void {
    const folder = join(root, "a/b/_/exe.x");
    if (!existsSync(folder)) {
      return; // nothing was printed yet
    }
    const names = readdirSync(folder).filter((name) => /\.(seg|idx)$/.test(name));
    const name = names[this.random(Math.max(1, names.length))];
    if (name === undefined) {
      return;
    }
    const path = join(folder, name);
    const { size } = statSync(path);
    const what = this.random(6);
    if (what === 0) {
      truncateSync(path, this.random(size + 1));
    } else if (what === 1) {
      rmSync(path);
    } else if (what === 2 && name.endsWith(".idx") && size > 0) {
      const bytes = readFileSync(path);
      bytes[this.random(size)]! ^= 1 << this.random(8);
      writeFileSync(path, bytes);
    } else if (what === 3) {
      writeFileSync(join(folder, `foreign-${this.random(9)}.seg`), "not ours");
    }
  }

  async checkFollowers(): Promise<void> {
    for (const { stream, from, chunks } of this.followers.splice(0)) {
      account(await chunks, this.all[stream], from);
    }
  }

  async checkHistory(source: OutputSource = this.history): Promise<number> {
    const { signal } = new AbortController();
    let missed = 0;
    const merged = await Array.fromAsync(
      source.read({ streams: STREAM_NAMES, follow: false, forLines: true, signal }),
    );
    for (const stream of STREAM_NAMES) {
      const chunks = await Array.fromAsync(
        source.read({ streams: [stream], follow: false, signal }),
      );
      missed += account(chunks, this.all[stream]);
      const own = merged.filter((chunk) => chunk.stream === stream);
      expect(account(own, this.all[stream])).toBeGreaterThanOrEqual(0);
    }
    return missed;
  }

  async step(): Promise<void> {
    const what = this.random(24);
    if (what < 16) {
      this.append();
    } else if (what === 16) {
      await this.close();
    } else if (what === 17) {
      await this.kill();
    } else if (what === 18) {
      this.follow();
    } else if (what === 19) {
      this.isFull = this.random(2) === 0;
    } else if (what === 20) {
      await this.checkHistory();
    } else {
      // Lets followers and timers run.
      await Bun.sleep(this.random(15));
    }
  }
}

test.each(Array.from({ length: SEEDS }, (_, i) => i + 1))(
  "OutputStore tells of every byte exactly once, seed %d",
  async (seed) => {
    const world = new World(seed);
    for (let i = 0; i < STEPS; i++) {
      await world.step();
    }
    await world.checkHistory();
    world.history.close();
    await world.checkFollowers();
    const kept = world.newStore().byName(CELL, NAME);
    expect(kept).toBeDefined();
    await world.checkHistory(kept);
    expect(world.store.openFileCount).toBe(0);
  },
);
