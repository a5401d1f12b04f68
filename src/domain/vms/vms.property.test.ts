/**
 * Random sequences of operations on Vms, with guests that end at any moment, monitors that fail and daemons that are killed,
 * held against a model: what is listed, and that nothing is ever left behind.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { settle } from "../../../test/harness/cells-world.ts";
import { randomFrom } from "../../../test/harness/random.ts";
import { drive, VmsWorld } from "../../../test/harness/vms-world.ts";
import { AuraeError } from "../../base/errors.ts";
import { setLogSink } from "../../base/log.ts";
import { vmId } from "./vm-id.ts";
import type { FakeStep } from "../../../test/harness/fake-monitors.ts";

const SEQUENCES = 120;
const STEPS = 50;
const IDS = ["a", "b", "c"];
const FAILING: readonly FakeStep[] = [
  ...([
    "create",
    "run",
    "pause",
    "powerButton",
    "setBalloon",
    "snapshot",
    "status",
    "kill",
  ] as const),
];
const ENDS = ["off", "reset", "crash", "failed", "killed"] as const;
const EXPECTED = new Set([
  ...["not_found", "already_exists", "failed_precondition", "invalid_argument"],
  ...["internal", "unavailable", "resource_exhausted"],
]);

let folder: string;
let unlog: () => void;
let lines: string[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "vms-property-"));
  unlog = setLogSink((line) => lines.push(line));
});

afterAll(() => {
  unlog();
  rmSync(folder, { recursive: true, force: true });
});

/** What an operation answered: undefined, or the kind of its error. One that is no error of ours is a mistake. */
async function kindOf(operation: () => unknown): Promise<string | undefined> {
  try {
    await operation();
    return undefined;
  } catch (error) {
    if (error instanceof AuraeError && EXPECTED.has(error.kind)) {
      return error.kind;
    }
    throw error;
  }
}

class Sequence {
  readonly world = new VmsWorld();
  /** The ids that should be there. */
  readonly ids = new Set<string>();
  readonly #random: (below: number) => number;
  readonly #snapshots: string[] = [];
  /** What is not waited for, so that others come in between. */
  readonly #pending = new Set<Promise<unknown>>();
  readonly #name: string;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
    this.#name = join(folder, `${seed}`);
  }

  #pick<T>(values: readonly T[]): T {
    return values[this.#random(values.length)] as T;
  }

  async step(): Promise<void> {
    const id = this.#pick(IDS);
    const { vms } = this.world;
    const vm = vms.all.find((it) => it.id === id);
    const graceMs = this.#random(3);
    const isForced = this.#random(3) === 0;
    switch (this.#random(12)) {
      case 0: {
        const drives = this.#random(3) === 0 ? [drive("/shared.img")] : [];
        await this.#do(() => this.world.allocate(id, { drives, balloonMb: this.#random(2) }));
        return;
      }
      case 1:
        return await this.#do(() => vm?.start());
      case 2:
        return await this.#do(() => vm?.stop({ graceMs, isForced }));
      case 3:
        return await this.#do(() => vms.free(id, { graceMs, isForced }));
      case 4:
        return await this.#do(() => (this.#random(2) === 0 ? vm?.pause() : vm?.resume()));
      case 5:
        return await this.#do(() => vm?.update({ balloonMb: this.#random(200) }));
      case 6: {
        const path = `${this.#name}-${this.#snapshots.length}`;
        this.#snapshots.push(path);
        return await this.#do(() => vms.snapshot(id, path));
      }
      case 7: {
        const path = this.#snapshots[this.#random(this.#snapshots.length + 1)] ?? "/none";
        const rest = { drivePaths: [], nics: [], vsockCid: undefined };
        const asked = { id: vmId(id), path, ...rest, isPaused: this.#random(2) === 0 };
        return await this.#do(() => vms.restore(asked));
      }
      case 8:
        this.world.host.guests.get(id)?.finish(this.#pick(ENDS), "by itself");
        return;
      case 9: {
        const guest = this.world.host.guests.get(id);
        if (guest !== undefined) {
          guest.hearsButton = this.#random(2) === 0;
        }
        return;
      }
      case 10:
        this.world.host.failing.set(this.#pick(FAILING), new AuraeError("internal", "a test"));
        return;
      default:
        if (this.#random(4) === 0) {
          await this.#replaceDaemon();
        }
    }
  }

  /** Runs it to its end, or only begins it. */
  async #do(operation: () => unknown): Promise<void> {
    const done = kindOf(operation);
    this.#pending.add(done);
    void done.then(
      () => this.#pending.delete(done),
      () => undefined,
    );
    if (this.#random(2) === 0) {
      await done;
    }
  }

  async #replaceDaemon(): Promise<void> {
    // Who waits for a daemon that is gone waits for ever.
    this.#pending.clear();
    this.world.host.failing.clear();
    await this.world.killDaemon(() => {
      if (this.#random(2) === 0) {
        this.world.host.guests.get(this.#pick(IDS))?.finish("off");
      }
    });
  }

  /** Waits until nothing is under way. */
  async rest(): Promise<void> {
    await Promise.all([...this.#pending]);
    await settle();
  }

  /** Every guest and every device is of a machine that runs, and every machine that runs has them. */
  async check(): Promise<void> {
    const { host, networks, state, vms } = this.world;
    const live = vms.all.filter(({ pid }) => pid !== undefined);
    const ids = live.map(({ id }) => `${id}`);
    expect([...host.guests.keys()].sort()).toEqual(ids);
    expect([...networks.taps.keys()].sort()).toEqual(ids.map((id) => `${id}/0`));
    expect(vms.all.map(({ id }) => `${id}`)).toEqual(
      state
        .load()
        .vms.map(({ spec }) => `${spec.id}`)
        .sort(),
    );
    for (const { spec, state: kept } of state.load().vms) {
      expect([spec.id, kept]).toEqual([spec.id, ids.includes(spec.id) ? "live" : "idle"]);
    }
    for (const vm of live) {
      expect((await vm.status()).state).toBe(
        host.guest(vm.id).state === "running" ? "running" : "paused",
      );
    }
    const cids = vms.all.map(({ spec }) => spec.vsockCid);
    expect(new Set(cids).size).toBe(cids.length);
    const writers = live.filter(({ spec }) =>
      spec.drives.some(({ path }) => path === "/shared.img"),
    );
    expect(writers.length).toBeLessThan(2);
  }
}

describe("Vms", () => {
  test("leave nothing behind, whatever happens in whatever order", async () => {
    for (let seed = 1; seed <= SEQUENCES; seed++) {
      lines = [];
      const sequence = new Sequence(seed);
      try {
        for (let i = 0; i < STEPS; i++) {
          await sequence.step();
        }
        sequence.world.host.failing.clear();
        await sequence.rest();
        await sequence.check();
        await sequence.world.vms.freeAll(5);
        expect(sequence.world.vms.all).toEqual([]);
        await sequence.check();
        // Nothing that was taken is taken still.
        const next = { drives: [drive("/shared.img")], vsockCid: 3 };
        await sequence.world.start("z", next);
        await sequence.world.vms.freeAll(5);
      } catch (error) {
        throw new Error(
          `seed ${seed}: ${sequence.world.told.map((it) => `${it.vm} ${it.kind}`).join(", ")}`,
          {
            cause: error,
          },
        );
      }
      expect(readdirSync(folder).filter((name) => name.includes(".part-"))).toEqual([]);
    }
  });
});
