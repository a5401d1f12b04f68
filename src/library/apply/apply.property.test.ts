/** Random descriptions, applied one after the other, with calls that fail: they always get there, and then stay. */
import { expect, test } from "bun:test";
import { cellsInMemory, Meddler } from "../../../test/harness/cells-client.ts";
import { randomFrom } from "../../../test/harness/random.ts";
import {
  ReadinessMode,
  type RestartMode,
  type SeccompProfile,
  StdinMode,
} from "../../gen/aurae/cells/v0/executables_pb.ts";
import { ApplyError } from "./apply-error.ts";
import { applyTo } from "./apply.ts";
import type { Desired, DesiredCell, DesiredExecutable } from "./types.ts";

const RUNS = 60;
const MORE = { prune: true, replace: true };

type Random = (below: number) => number;
/** The executables of earlier descriptions, by name. */
type Before = Map<string, DesiredExecutable>;

function maybe<T>(random: Random, value: () => T): T | undefined {
  return random(3) === 0 ? value() : undefined;
}

/** Few values of every field, so that two descriptions are often the same, and often not. */
function executable(random: Random, name: string, others: readonly string[]): DesiredExecutable {
  const some = (): string[] => others.filter(() => random(3) === 0);
  return {
    name,
    ...(random(2) === 0 ? { command: `run ${random(2)}` } : { args: [name, `${random(2)}`] }),
    description: maybe(random, () => `words ${random(2)}`),
    env: maybe(random, () => ({ A: `${random(2)}`, [`B${random(2)}`]: "" })),
    workingDirectory: maybe(random, () => ["", "/", "/tmp"][random(3)]!),
    privileges: maybe(random, () => ({
      user: maybe(random, () => `${1000 + random(2)}`),
      supplementaryGroups: maybe(random, () => ["7", "8"].slice(random(2))),
      capabilities: maybe(random, () => ({ names: ["CAP_CHOWN"].slice(random(2)) })),
      noNewPrivileges: maybe(random, () => random(2) === 0),
      seccomp: maybe(random, () => random(3) as SeccompProfile),
    })),
    resourceLimits: maybe(random, () => ({
      nofile: { soft: maybe(random, () => 10), hard: maybe(random, () => 20n) },
    })),
    stdin: maybe(random, () => [0, 1, StdinMode.STREAM][random(3)] as StdinMode),
    stop: maybe(random, () => ({
      signal: maybe(random, () => [15, 9][random(2)]!),
      gracePeriodMs: maybe(random, () => [10_000, 20][random(2)]!),
    })),
    restart: maybe(random, () => ({
      mode: random(4) as RestartMode,
      backoffMs: maybe(random, () => [100, 5][random(2)]!),
      startLimit: maybe(random, () => random(6)),
    })),
    readiness: maybe(random, () => ({
      mode: [0, 1, ReadinessMode.FD][random(3)] as ReadinessMode,
      fd: maybe(random, () => 3 + random(2)),
      timeoutMs: maybe(random, () => [90_000, 0][random(2)]!),
    })),
    healthCheck: maybe(random, () => ({
      command: "ok",
      retries: maybe(random, () => 3 + random(2)),
    })),
    requires: some(),
    after: some(),
  };
}

/** One that was described before stays the same more often than not, so that others change under it. */
function executables(random: Random, before: Before): DesiredExecutable[] {
  const names = ["x", "y", "z"].filter(() => random(4) > 0);
  const made = names.map((name, at) => {
    const others = names.slice(0, at);
    const known = before.get(name);
    const fits = (known?.requires ?? []).every((other) => others.includes(other));
    const it =
      known !== undefined && fits && random(3) > 0 ? known : executable(random, name, others);
    before.set(name, it);
    return it;
  });
  return random(2) === 0 ? made : made.toReversed();
}

function cell(random: Random, name: string, depth: number, before: Before): DesiredCell {
  return {
    name,
    cpu: maybe(random, () => ({
      weight: maybe(random, () => [100, 200][random(2)]!),
      max: maybe(random, () => [0, 5000][random(2)]!),
      period: maybe(random, () => [100_000, 50_000][random(2)]!),
      idle: maybe(random, () => random(2) === 0),
    })),
    cpuset: maybe(random, () => ({ cpus: ["", "0"][random(2)]! })),
    memory: maybe(random, () => ({
      min: maybe(random, () => random(2) * 4096),
      high: maybe(random, () => random(2) * 8192),
      max: maybe(random, () => random(2) * 65536),
      swapMax: maybe(random, () => random(2) * 4096),
      oomGroup: maybe(random, () => random(2) === 0),
    })),
    pids: maybe(random, () => ({ max: random(2) * 10 })),
    io: maybe(random, () => ({ weight: maybe(random, () => 100 + random(2)) })),
    isolateProcess: maybe(random, () => random(2) === 0),
    output: maybe(random, () => ({ maxBytes: maybe(random, () => 65_536 * (1 + random(2))) })),
    executables: executables(random, before),
    cells: depth === 0 ? [] : cells(random, depth - 1, before),
  };
}

const cells = (random: Random, depth: number, before: Before): DesiredCell[] =>
  ["a", "b"].filter(() => random(2) === 0).map((name) => cell(random, name, depth, before));

function description(random: Random, before: Before): Desired {
  return { cells: cells(random, 2, before), executables: executables(random, before) };
}

test(`applyTo gets to each of ${RUNS} random descriptions, and has nothing to do then`, async () => {
  let steps = 0;
  for (let seed = 0; seed < RUNS; seed += 1) {
    const random = randomFrom(seed);
    const { client } = cellsInMemory();
    const before: Before = new Map();
    for (const options of [{}, MORE, MORE]) {
      const desired = description(random, before);
      const plan = await applyTo(client, desired, options);
      steps += plan.steps.length;
      const again = await applyTo(client, desired, { ...options, dryRun: true });
      expect(`${again}`, `seed ${seed}: ${plan}`).toBe("nothing to do: the node is as described");
    }
  }
  expect(steps).toBeGreaterThan(RUNS * 10);
}, 60_000);

test(`applyTo gets to each of ${RUNS} random descriptions though calls fail, wherever that is`, async () => {
  let failures = 0;
  for (let seed = 0; seed < RUNS; seed += 1) {
    const random = randomFrom(seed + 1_000_000);
    const { client } = cellsInMemory();
    const before: Before = new Map();
    const meddler = new Meddler(client);
    for (const _ of Array(3)) {
      const desired = description(random, before);
      // Fails ever later, until a plan gets through whole.
      for (let most = 0; ; most += 1) {
        meddler.failAt = meddler.calls.length + most;
        try {
          await applyTo(meddler.client, desired, MORE);
          break;
        } catch (error) {
          expect(error).toBeInstanceOf(ApplyError);
          expect((error as ApplyError).message, `seed ${seed}`).toContain("as the test wants it");
          failures += 1;
        }
      }
      const again = await applyTo(client, desired, { ...MORE, dryRun: true });
      expect(`${again}`, `seed ${seed}`).toBe("nothing to do: the node is as described");
    }
  }
  expect(failures).toBeGreaterThan(RUNS);
}, 120_000);
