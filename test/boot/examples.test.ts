/**
 * Every example, as a newcomer would run it: in the guest, with the configuration that lies there and the role that comes
 * with it; and the rollout from outside, over mTLS, to two machines.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DIST, inRoot } from "../../build/paths.ts";
import { VERSION } from "../../src/daemon/version.ts";
import { CellService } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { clientConfigToml } from "../../src/base/client-config.ts";
import { type GuestRun, runInGuest } from "../harness/in-guest.ts";
import { bootVm, type TestVm } from "../harness/vm.ts";
import { vmTest } from "../harness/vm-test.ts";

const BOOT_MS = 120_000;
const EXAMPLES = readdirSync(inRoot("examples")).filter((name) => name.endsWith(".ts"));

const textOf = (name: string): string => readFileSync(inRoot("examples", name), "utf8");

let vm: TestVm | undefined;
let second: TestVm | undefined;
beforeAll(async () => {
  const site = Object.fromEntries(EXAMPLES.map((name) => [`examples/${name}`, textOf(name)]));
  vm = await bootVm({ name: "examples", hasBootIdentity: true, site });
}, BOOT_MS);
afterAll(async () => {
  await vm?.kill();
  await second?.kill();
});

function machine(): TestVm {
  if (vm === undefined) {
    throw new Error('the machine "examples" did not boot');
  }
  return vm;
}

const APPLIED = [
  "first:",
  "+ allocate site  (pids.max = 100)",
  "+ start    site: db  (echo db 1.0; exec sleep 1000)",
  "+ start    site: web  (exec sleep 1000)",
  "+ allocate site/workers",
  "+ start    site/workers: one  (exec sleep 1000)",
  "+ start    site/workers: two  (exec sleep 1000)",
  "plan: 2 to allocate, 4 to start",
];

/** What each of them prints; the ones that are not here have a test of their own. */
const PRINTS: Readonly<Record<string, readonly (string | RegExp)[]>> = {
  "cells.ts": [
    /^started sleeper as process \d+$/,
    "cell hello has sleeper",
    "sleeper was ended by signal 15",
    "the cell is gone",
  ],
  "nested-cells.ts": [
    ...["shop: 0 running", "  shop/db: 1 running", "    shop/db/backup: 1 running"],
    ...["  shop/web: 1 running", /^shop has [3-9] of 50 processes$/],
    "shop is gone, with all that was in it",
  ],
  "isolation.ts": [
    ...["open: called auraed", "open: sees many processes", "open: has the network card"],
    ...["closed: called closed", "closed: sees few processes", "closed: has no network card"],
  ],
  "limits.ts": [
    ...["greedy was ended by signal 9, out of memory: true", "memory: 128 MiB"],
    ...["processor: 50000 of 100000 microseconds", "processes: 20"],
  ],
  "output.ts": [
    ...[1, 2, 3].map((nth) => `counter::stdout  line ${nth}`),
    ...["counter::stderr  and a warning", "kept: line 3", "kept: and a warning"],
  ],
  "events.ts": [
    "the cell: allocated",
    ...["started", "exited", "restarting", "started", "exited", "restarting", "started"].map(
      (kind) => `worker: ${kind}`,
    ),
    ...["exited", "failed", "stopping", "stopped"].map((kind) => `worker: ${kind}`),
    "the cell: freed",
  ],
  "apply.ts": [
    ...APPLIED,
    ...["again:", "nothing to do: the node is as described", "changed:"],
    "- stop     site: web  (it requires 'db', which is restarted)",
    /^~ restart {2}site: db {2}\(command: .*1\.0.* -> .*2\.0.*\)$/,
    "+ start    site: web  (it was stopped for 'db')",
    "plan: 1 to start, 1 to restart, 1 to stop",
    ...["less:", "nothing to do: the node is as described", "pruned:"],
    "- stop     site: web  (it is not described)",
    "- stop     site: db  (it is not described)",
    "- free     site/workers  (it is not described)",
    "plan: 2 to stop, 1 to free",
  ],
  "health.ts": [
    "auraed: SERVING",
    "aurae.cells.v0.CellService: SERVING",
    /^aurae\.vms\.v0\.VmService: (?:NOT_)?SERVING$/,
    "watched: SERVING",
  ],
  "discovery.ts": [`[::1]:8080: auraed ${VERSION}, healthy`],
};

const OWN_TESTS = ["boot.ts", "rollout.ts", "vm.ts"];

function expectPrinted(run: GuestRun, wanted: readonly (string | RegExp)[]): void {
  expect(run.stderr).toBe("");
  const lines = run.stdout.trimEnd().split("\n");
  expect(lines).toEqual(
    wanted.map((line) =>
      typeof line === "string" ? line : (expect.stringMatching(line) as string),
    ),
  );
  expect(run.code).toBe(0);
}

const example = (name: string): string => `/etc/aurae/examples/${name}`;

describe("an example", () => {
  test("of every file has a test", () => {
    expect([...Object.keys(PRINTS), ...OWN_TESTS].sort()).toEqual(EXAMPLES.toSorted());
  });

  test("of every file is in the list", () => {
    const listed = textOf("README.md").matchAll(/^\| \[[\w-]+\.ts\]\(([\w-]+\.ts)\)/gm);
    expect([...listed].map(([, name]) => name).sort()).toEqual(EXAMPLES.toSorted());
  });

  test("of every file has the types of the library", () => {
    for (const name of EXAMPLES) {
      const words = ["check", inRoot("examples", name)];
      const { exitCode, stdout, stderr } = Bun.spawnSync([join(DIST, "auraescript"), ...words]);
      expect([name, exitCode, `${stdout}${stderr}`]).toEqual([
        name,
        0,
        expect.anything() as string,
      ]);
    }
  }, 60_000);

  for (const [name, wanted] of Object.entries(PRINTS)) {
    vmTest(`${name} does what it says, and leaves nothing behind`, machine, async (it) => {
      expectPrinted(await runInGuest(it, "auraescript", example(name)), wanted);
      const { cells, executables } = await it.client(CellService).list({});
      expect([...cells, ...executables]).toEqual([]);
    });
  }

  vmTest("apply.ts only writes its plan with --dry-run", machine, async (it) => {
    const run = await runInGuest(it, "auraescript", example("apply.ts"), "--dry-run");
    expectPrinted(run, APPLIED.slice(1));
    expect((await it.client(CellService).list({})).cells).toEqual([]);
  });

  vmTest("discovery.ts tells who does not answer, and ends with 1", machine, async (it) => {
    const dead = "127.0.0.1:1";
    const run = await runInGuest(it, "auraescript", example("discovery.ts"), "[::1]:8080", dead);
    expect(run.code).toBe(1);
    expect(run.stdout).toMatch(/^\[::1\]:8080: auraed .*\n127\.0\.0\.1:1: no answer \(.*\)\n$/s);
  });
});

describe("rollout.ts", () => {
  let directory: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "aurae-rollout-"));
    second = await bootVm({ name: "examples-2" });
  }, BOOT_MS);
  afterAll(() => rmSync(directory, { recursive: true }));

  /** Runs it here, against both. */
  async function rollout(before: string, after: string) {
    const configs = [machine(), second].map((node, at) => {
      const path = join(directory, `node-${at}`);
      writeFileSync(path, clientConfigToml({ ...node!.pki, socket: node!.address }));
      return path;
    });
    const words = [inRoot("examples/rollout.ts"), before, after, ...configs];
    const { exitCode, stdout, stderr } = Bun.spawnSync([join(DIST, "auraescript"), ...words]);
    expect(stderr.toString()).toBe("");
    return { exitCode, lines: stdout.toString().trimEnd().split("\n") };
  }

  async function versions(): Promise<(string | undefined)[]> {
    const nodes = [machine(), second!].map(async (node) => {
      const { cells } = await node.client(CellService).inspect({});
      return cells[0]?.executables[0]?.definition?.env.VERSION;
    });
    return await Promise.all(nodes);
  }

  test("brings a version to one node after the other, over mTLS", async () => {
    const nodes = [machine().address, second!.address];
    const { exitCode, lines } = await rollout("0", "1");
    expect(lines).toEqual([
      ...nodes.flatMap((address) => [`${address}: 1`, `${address}: healthy`]),
      "2 nodes have 1",
    ]);
    expect(exitCode).toBe(0);
    expect(await versions()).toEqual(["1", "1"]);
  }, 60_000);

  test("goes back on the first node that is not healthy, and leaves the others alone", async () => {
    const [first] = [machine().address];
    const { exitCode, lines } = await rollout("1", "bad-2");
    expect(lines).toEqual([`${first}: bad-2`, `${first}: not healthy, back to 1`]);
    expect(exitCode).toBe(1);
    expect(await versions()).toEqual(["1", "1"]);
  }, 60_000);
});
