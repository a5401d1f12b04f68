/** Random lives of executables that are restarted and that require each other, under daemons that are killed. */
import { describe, expect, test } from "bun:test";
import { exitedWith, restart, settle, until, World } from "../../../test/harness/cells-world.ts";
import { randomFrom } from "../../../test/harness/random.ts";
import { AuraeError } from "../../base/errors.ts";
import { executableName } from "./executable-name.ts";
import type { RestartMode } from "./executable-spec.ts";

const SEQUENCES = 25;
const STEPS = 40;
const NAMES = ["v", "w", "x", "y", "z"];
const MODES: readonly RestartMode[] = ["never", "on-failure", "always"];

interface Entry {
  readonly mode: RestartMode;
  readonly requires: readonly string[];
  isRunning: boolean;
  restarts: number;
}

/** What should be there. */
class Model {
  readonly entries = new Map<string, Entry>();

  isRunning(name: string): boolean {
    return this.entries.get(name)?.isRunning === true;
  }

  get running(): string[] {
    return [...this.entries.keys()].filter((name) => this.isRunning(name));
  }

  /** The processes of these have ended. */
  exit(names: readonly string[], hasFailed: boolean): void {
    for (const name of names) {
      const entry = this.entries.get(name);
      if (entry?.mode === "never" || (entry?.mode === "on-failure" && !hasFailed)) {
        entry.isRunning = false;
      } else if (entry !== undefined) {
        entry.restarts += 1;
      }
    }
    this.#halt();
  }

  stop(name: string): void {
    this.entries.delete(name);
    this.#halt();
  }

  /** Nothing runs without what it requires. */
  #halt(): void {
    const lost = [...this.entries.values()].filter(
      ({ isRunning, requires }) => isRunning && !requires.every((name) => this.isRunning(name)),
    );
    for (const entry of lost) {
      entry.isRunning = false;
    }
    if (lost.length > 0) {
      this.#halt();
    }
  }

  /** How a start is answered. */
  answer(name: string, requires: readonly string[], fails: boolean): string | undefined {
    if (this.entries.has(name)) {
      return "already_exists";
    }
    if (!requires.every((other) => this.isRunning(other))) {
      return "failed_precondition";
    }
    return fails ? "internal" : undefined;
  }
}

async function kindOf(operation: () => unknown): Promise<string | undefined> {
  try {
    await operation();
    return undefined;
  } catch (error) {
    return error instanceof AuraeError ? error.kind : String(error);
  }
}

type Random = (below: number) => number;

async function start(world: World, model: Model, random: Random, name: string): Promise<void> {
  const mode = MODES[random(MODES.length)] ?? "never";
  const requires = NAMES.filter((other) => other !== name && random(4) === 0);
  const fails = random(6) === 0;
  const expected = model.answer(name, requires, fails);
  world.kernel.processes.failNext = fails ? "ENOENT" : undefined;
  const spec = { restart: restart(mode), requires: requires.map(executableName) };
  expect(await kindOf(() => world.start(`a:${name}`, spec))).toBe(expected);
  world.kernel.processes.failNext = undefined;
  if (expected === undefined) {
    model.entries.set(name, { mode, requires, isRunning: true, restarts: 0 });
  }
}

async function step(world: World, model: Model, random: Random): Promise<void> {
  const name = NAMES[random(NAMES.length)] ?? "x";
  switch (random(6)) {
    case 0:
    case 1:
      await start(world, model, random, name);
      return;
    case 2: {
      const expected = model.entries.has(name) ? undefined : "not_found";
      expect(await kindOf(() => world.stop(`a:${name}`))).toBe(expected);
      model.stop(name);
      return;
    }
    case 3: {
      const ended = model.running.filter(() => random(3) === 0);
      const processes = ended.map((it) => world.process(`a:${it}`));
      await world.killDaemon(() => {
        for (const process of processes) {
          process.exit(exitedWith(0));
        }
      });
      // Nobody saw how, which counts as a failure.
      model.exit(ended, true);
      return;
    }
    default: {
      if (model.isRunning(name)) {
        const code = random(2);
        world.process(`a:${name}`).exit(exitedWith(code));
        model.exit([name], code !== 0);
      }
    }
  }
}

/** Waits until nothing is on its way any more, and compares. */
async function compare(world: World, model: Model): Promise<void> {
  await settle();
  const all = () =>
    NAMES.filter((name) => model.entries.has(name)).map((it) => world.find(`a:${it}`));
  await until("an end of all changes", () =>
    all().every(({ state }) => state === "running" || state === "exited"),
  );
  const expected = [...model.entries].map(([name, { isRunning, restarts }]) =>
    isRunning ? `${name} running ${restarts}` : `${name} exited`,
  );
  const found = all().map(({ spec, state, restarts }) =>
    state === "running" ? `${spec.name} running ${restarts}` : `${spec.name} ${state}`,
  );
  expect(found.toSorted()).toEqual(expected.toSorted());
  for (const { spec, state, pid } of all()) {
    const members = world.kernel.cgroups.processes(`a/_/exe.${spec.name}`);
    expect(members).toEqual(state === "running" ? [pid] : []);
  }
  expect(world.kernel.processes.running.length).toBe(model.running.length);
  const saved = world.state.load().executables.map(({ record }) => record);
  expect(saved.map(({ spec, state }) => `${spec.name} ${state}`).toSorted()).toEqual(
    all()
      .map(({ spec, state }) => `${spec.name} ${state}`)
      .toSorted(),
  );
}

describe("Executables", () => {
  test("agree with a model after every step of random sequences", async () => {
    for (let seed = 1; seed <= SEQUENCES; seed++) {
      const random = randomFrom(seed);
      const world = new World();
      const model = new Model();
      world.allocate("a");
      for (let i = 0; i < STEPS; i++) {
        try {
          await step(world, model, random);
          await compare(world, model);
        } catch (cause) {
          throw new Error(`seed ${seed}, step ${i}`, { cause });
        }
      }
      const { sequences } = world;
      expect(sequences.every((it, i) => i === 0 || it > sequences[i - 1]!)).toBe(true);
      await world.cells.freeAll(5);
      expect(world.kernel.cgroups.paths).toEqual([]);
      expect(world.kernel.processes.running).toEqual([]);
      expect(world.state.load()).toMatchObject({ cells: [], executables: [] });
    }
  }, 60_000);
});
