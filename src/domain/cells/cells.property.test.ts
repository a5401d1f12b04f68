/** Random sequences of operations on Cells, held against a model that is a plain tree of names. */
import { describe, expect, test } from "bun:test";
import { randomFrom } from "../../../test/harness/random.ts";
import { AuraeError } from "../../base/errors.ts";
import { createFakeKernel, type FakeKernel } from "../../kernel/fake/fake-kernel.ts";
import { EventLog } from "../events/event-log.ts";
import { executableName } from "../executables/executable-name.ts";
import { executableSpec } from "../executables/executable-spec.ts";
import { MemoryOutputs } from "../executables/memory-outputs.ts";
import { MemoryState } from "../state/memory-state.ts";
import type { Cell, CellSpec } from "./cell.ts";
import { CellName } from "./cell-name.ts";
import { Cells } from "./cells.ts";

const SEQUENCES = 60;
const STEPS = 60;
const NAMES = ["a", "b", "a/a", "a/b", "b/a", "a/b/a", "a/b/b"];
const EXECUTABLES = ["x", "y"];

/** What should be there: cells by name, each with its executables. */
class Model {
  readonly cells = new Map<string, Set<string>>();

  hasParent(name: string): boolean {
    return !name.includes("/") || this.cells.has(name.slice(0, name.lastIndexOf("/")));
  }

  free(name: string): void {
    for (const other of [...this.cells.keys()]) {
      if (other === name || other.startsWith(`${name}/`)) {
        this.cells.delete(other);
      }
    }
  }

  groups(): string[] {
    return [...this.cells]
      .flatMap(([name, executables]) => [
        name,
        `${name}/_`,
        ...[...executables].map((it) => `${name}/_/exe.${it}`),
      ])
      .sort();
  }
}

function names(cells: readonly Cell[]): string[] {
  return cells.flatMap((cell) => [cell.cgroup, ...names([...cell.children.values()])]);
}

let kernel: FakeKernel;
let state: MemoryState;
let cells: Cells;
let model: Model;

/** The daemon is killed, and another one comes. */
async function replaceDaemon(): Promise<void> {
  cells = newCells();
  await cells.restore(state.load());
}

function newCells(): Cells {
  return new Cells({
    kernel,
    state,
    outputs: new MemoryOutputs(),
    events: new EventLog(),
    env: {},
  });
}

/** What an operation answered: undefined, or the kind of its error. */
async function kindOf(operation: () => unknown): Promise<string | undefined> {
  try {
    await operation();
    return undefined;
  } catch (error) {
    return error instanceof AuraeError ? error.kind : String(error);
  }
}

function cellSpec(name: CellName, random: (below: number) => number): CellSpec {
  return {
    name,
    limits: {},
    isolateProcess: random(3) === 0,
    isolateNetwork: random(3) === 0,
    outputMaxBytes: undefined,
    isTransient: false,
  };
}

async function step(random: (below: number) => number): Promise<void> {
  const text = NAMES[random(NAMES.length)] ?? "a";
  const exe = EXECUTABLES[random(EXECUTABLES.length)] ?? "x";
  const name = CellName.parse(text);
  const cell = model.cells.get(text);
  const spec = executableSpec({
    name: executableName(exe),
    command: { kind: "shell", line: "true" },
  });
  switch (random(6)) {
    case 0: {
      const expected =
        cell !== undefined ? "already_exists" : model.hasParent(text) ? undefined : "not_found";
      expect(await kindOf(() => cells.allocate(cellSpec(name, random)))).toBe(expected);
      if (expected === undefined) {
        model.cells.set(text, new Set());
      }
      return;
    }
    case 1: {
      expect(await kindOf(() => cells.free(name, { graceMs: 5 }))).toBe(
        cell === undefined ? "not_found" : undefined,
      );
      model.free(text);
      return;
    }
    case 2: {
      const fails = random(4) === 0;
      kernel.processes.failNext = fails ? "ENOMEM" : undefined;
      const expected =
        cell === undefined
          ? "not_found"
          : cell.has(exe)
            ? "already_exists"
            : fails
              ? "resource_exhausted"
              : undefined;
      expect(await kindOf(() => cells.start(name, spec))).toBe(expected);
      kernel.processes.failNext = undefined;
      if (expected === undefined) {
        cell?.add(exe);
      }
      return;
    }
    case 3: {
      const expected = cell?.has(exe) === true ? undefined : "not_found";
      expect(await kindOf(() => cells.stop(name, executableName(exe), { graceMs: 5 }))).toBe(
        expected,
      );
      cell?.delete(exe);
      return;
    }
    case 4:
      await replaceDaemon();
      return;
    default: {
      // Some process ends by itself; nothing that is listed changes by that.
      const running = [...kernel.processes.all.values()].filter((it) => !it.ended);
      running[random(Math.max(1, running.length))]?.exit({ kind: "exited", code: 1 });
    }
  }
}

describe("Cells", () => {
  test("agree with a plain tree of names after every step of random sequences", async () => {
    for (let seed = 1; seed <= SEQUENCES; seed++) {
      const random = randomFrom(seed);
      kernel = createFakeKernel();
      state = new MemoryState();
      cells = newCells();
      model = new Model();
      for (let i = 0; i < STEPS; i++) {
        await step(random);
        expect({ seed, i, groups: kernel.cgroups.paths }).toEqual({
          seed,
          i,
          groups: model.groups(),
        });
        expect(names(cells.roots).sort()).toEqual([...model.cells.keys()].sort());
      }
      await cells.freeAll(5);
      expect(kernel.cgroups.paths).toEqual([]);
      expect(kernel.processes.running).toEqual([]);
      expect(kernel.namespaces.running).toEqual([]);
      expect(state.load()).toMatchObject({ cells: [], executables: [] });
    }
  });
});
