import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { inRoot } from "../../../build/paths.ts";
import { applyNode as node, failureOf, texts } from "../../../test/harness/apply-node.ts";
import { RestartMode } from "../../gen/aurae/cells/v0/executables_pb.ts";
import { fencesOf } from "../../../test/harness/readme.ts";
import * as cells from "../gen/cells.ts";
import { applyTo } from "./apply.ts";
import type { Desired } from "./types.ts";

const WEB: Desired = {
  cells: [
    {
      name: "web",
      memory: { max: 64 * 1024 * 1024 },
      executables: [
        { name: "server", command: "serve", requires: ["db"] },
        { name: "db", args: ["db", "--fast"], env: { PASSWORD: "swordfish" } },
      ],
      cells: [{ name: "cache", executables: [{ name: "redis", command: "redis" }] }],
    },
  ],
  executables: [{ name: "agent", command: "agent" }],
};

describe("applyTo", () => {
  test("makes parents before children, and starts executables after those that they require", async () => {
    const { meddler, calls } = node();
    const plan = await applyTo(meddler.client, WEB);
    expect(texts(plan)).toEqual([
      "+ allocate web  (memory.max = 67108864)",
      "+ start    web: db  (db --fast)",
      "+ start    web: server  (serve)",
      "+ allocate web/cache",
      "+ start    web/cache: redis  (redis)",
      "+ start    (no cell): agent  (agent)",
    ]);
    expect(calls).toEqual([
      ...["allocate web", "start web: db", "start web: server"],
      ...["allocate web/cache", "start web/cache: redis", "start (no cell): agent"],
    ]);
  });

  test("changes nothing the second time", async () => {
    const { meddler, calls } = node();
    await applyTo(meddler.client, WEB);
    const before = calls.length;
    const again = await applyTo(meddler.client, WEB);
    expect(again.isEmpty).toBe(true);
    expect(`${again}`).toBe("nothing to do: the node is as described");
    expect(calls.length).toBe(before);
  });

  test("plans and does nothing for a dry run", async () => {
    const { meddler, calls } = node();
    const plan = await applyTo(meddler.client, WEB, { dryRun: true });
    expect(plan.steps.length).toBe(6);
    expect(calls).toEqual([]);
    expect(`${plan}`).toEndWith("plan: 2 to allocate, 4 to start");
  });

  test("takes what the library makes, and what JSON has", async () => {
    const { client } = node();
    const cell = cells.Cell.fromPartial({ name: "a", cpu: { weight: 200n } });
    const executable = cells.Executable.fromPartial({ name: "x", command: "x" });
    const first = await applyTo(client, { cells: [{ ...cell, executables: [executable] }] });
    expect(first.steps.length).toBe(2);
    const json = '{"cells": [{"name": "a", "cpu": {"weight": 200}}]}';
    expect((await applyTo(client, JSON.parse(json) as Desired)).isEmpty).toBe(true);
  });

  test("plans what docs/apply.md shows", async () => {
    const markdown = readFileSync(inRoot("docs/apply.md"), "utf8");
    const [script, text] = fencesOf(markdown, "docs/apply.md");
    const literal = /apply\((\{.*\})\);/s.exec(script!.body)?.[1];
    const desired = new Function(`return ${literal}`)() as Desired;
    expect(`${await applyTo(node().client, desired)}`).toBe(text!.body);
  });

  test("answers with plain data", async () => {
    const plan = await applyTo(node().client, WEB, { dryRun: true });
    expect(JSON.parse(JSON.stringify(plan.steps[0]))).toEqual({
      ...{ kind: "allocate", cellName: "web", executableName: "" },
      changes: [{ field: "memory.max", to: "67108864" }],
    });
  });

  test("changes limits where they are, and takes away those that are not described any more", async () => {
    const { client, fixture } = node();
    await applyTo(client, {
      cells: [
        {
          name: "a",
          cpu: { weight: 50, max: 1000 },
          memory: { max: 4096, swapMax: 0 },
          pids: { max: 9 },
        },
      ],
    });
    const wanted = { cells: [{ name: "a", cpu: { max: 2000 }, pids: { max: 9 } }] };
    const plan = await applyTo(client, wanted);
    expect(texts(plan)).toEqual([
      "~ update   a  (cpu.max: 1000 -> 2000; cpu.weight: 50 -> (none); memory.max: 4096 -> (none); memory.swap_max: 0 -> (none))",
    ]);
    const read = (file: string) => fixture.kernel.cgroups.read("a", file)?.trim();
    expect(read("memory.max")).toBe("max");
    expect(read("cpu.weight")).toBe("100");
    expect(read("cpu.max")).toStartWith("2000");
    expect((await applyTo(client, wanted)).isEmpty).toBe(true);
  });

  test("restarts an executable whose definition changed, and shows no value of its environment", async () => {
    const { meddler, calls } = node();
    const cell = (PASSWORD: string) => ({
      cells: [{ name: "a", executables: [{ name: "x", command: "x", env: { PASSWORD } }] }],
    });
    await applyTo(meddler.client, cell("swordfish"));
    calls.length = 0;
    const plan = await applyTo(meddler.client, cell("mackerel"));
    expect(`${plan}`).toContain('env["PASSWORD"]: (not shown) -> (not shown)');
    expect(calls).toEqual(["stop a: x", "start a: x"]);
  });

  test("takes those along that require what is restarted, and starts them again, described or not", async () => {
    const { meddler, calls, client } = node();
    await applyTo(meddler.client, WEB);
    await client.start({
      cellName: "web",
      executable: { name: "stranger", command: "s", requires: ["server"] },
    });
    calls.length = 0;
    const [web] = WEB.cells!;
    const db = { name: "db", args: ["db", "--slow"], env: { PASSWORD: "swordfish" } };
    const wanted = {
      cells: [{ ...web!, executables: [web!.executables![0]!, db] }],
      executables: [],
    };
    const plan = await applyTo(meddler.client, wanted);
    expect(texts(plan)).toEqual([
      "- stop     web: stranger  (it requires 'server', which is restarted)",
      "- stop     web: server  (it requires 'db', which is restarted)",
      '~ restart  web: db  (args: ["db", "--fast"] -> ["db", "--slow"])',
      "+ start    web: server  (it was stopped for 'db')",
      "+ start    web: stranger  (it was stopped for 'server')",
    ]);
    expect((await applyTo(client, wanted)).isEmpty).toBe(true);
  });

  test("leaves what is not described alone", async () => {
    const { client } = node();
    await client.allocate({ cell: { name: "web" } });
    await client.allocate({ cell: { name: "web/old" } });
    await client.start({ cellName: "web", executable: { name: "old", command: "old" } });
    expect((await applyTo(client, { cells: [{ name: "web" }] })).isEmpty).toBe(true);
  });

  test("prunes within described cells alone, after all that is new is there", async () => {
    const { client } = node();
    for (const name of ["web", "web/old", "web/old/older", "web/deep", "web/deep/kept", "other"]) {
      await client.allocate({ cell: { name } });
    }
    await client.start({ executable: { name: "agent", command: "agent" } });
    await client.start({ cellName: "web", executable: { name: "a", command: "a" } });
    await client.start({
      cellName: "web",
      executable: { name: "b", command: "b", requires: ["a"] },
    });
    const desired: Desired = {
      cells: [
        { name: "web", executables: [{ name: "new", command: "new" }] },
        { name: "web/deep/kept" },
      ],
    };
    const plan = await applyTo(client, desired, { prune: true });
    expect(texts(plan)).toEqual([
      "+ start    web: new  (new)",
      "- stop     web: b  (it is not described)",
      "- stop     web: a  (it is not described)",
      "- free     web/old  (it is not described)",
    ]);
    const { cells, executables } = await client.list({});
    expect(cells.map(({ cell }) => cell?.name)).toEqual(["other", "web"]);
    expect(executables.map(({ name }) => name)).toEqual(["agent"]);
    expect((await applyTo(client, desired, { prune: true })).isEmpty).toBe(true);
  });

  test("replaces a cell only where that is allowed, and nothing else is done before", async () => {
    const { meddler, calls, client } = node();
    await applyTo(client, WEB);
    const [web] = WEB.cells!;
    const desired = {
      cells: [{ name: "new" }, { ...web!, isolateNetwork: true }],
    };
    const error = await failureOf(applyTo(meddler.client, desired));
    expect(error.message).toContain("allow it by replace: true");
    expect(error.message).toContain("nothing was changed");
    expect(error.failed.kind).toBe("replace");
    expect(calls).toEqual([]);
    const dry = await applyTo(meddler.client, desired, { dryRun: true });
    expect(`${dry}`).toContain("NOT DONE: it ends what is in the cell");
    const plan = await applyTo(meddler.client, desired, { replace: true });
    expect(texts(plan)).toEqual([
      "+ allocate new",
      "! replace  web  (isolate_network: (none) -> true)",
      "+ start    web: db  (db --fast)",
      "+ start    web: server  (serve)",
      "+ allocate web/cache",
      "+ start    web/cache: redis  (redis)",
    ]);
    expect((await applyTo(client, desired)).isEmpty).toBe(true);
  });

  test("does not end strangers by a replacement, unless they may be pruned", async () => {
    const { client } = node();
    await client.allocate({ cell: { name: "a" } });
    await client.allocate({ cell: { name: "a/stranger" } });
    await client.start({ cellName: "a", executable: { name: "other", command: "o" } });
    const desired = { cells: [{ name: "a", isolateProcess: true }] };
    const error = await failureOf(applyTo(client, desired, { replace: true }));
    expect(error.message).toContain(
      "with it a: other, a/stranger, not described: allow it by prune: true",
    );
    await applyTo(client, desired, { replace: true, prune: true });
    expect((await client.list({})).cells[0]?.children).toEqual([]);
  });

  test("starts again what has failed, and leaves what has ended well or comes once a boot", async () => {
    const { client, fixture } = node();
    const desired = {
      executables: [
        { name: "done", command: "done" },
        { name: "failed", command: "failed" },
        { name: "once", command: "once", oncePerBoot: true },
      ],
    };
    await applyTo(client, desired);
    for (const process of fixture.kernel.processes.running) {
      process.exit({ kind: "exited", code: process.options.argv.at(-1) === "done" ? 0 : 3 });
    }
    await Bun.sleep(0);
    const plan = await applyTo(client, desired);
    expect(texts(plan)).toEqual(["~ restart  (no cell): failed  (it ended with exit code 3)"]);
    const once = { name: "once", command: "another", oncePerBoot: true };
    const error = await failureOf(applyTo(client, { executables: [once] }));
    expect(error.message).toContain("boot the machine for its new definition");
    const always = { name: "done", command: "done", restart: { mode: RestartMode.ON_FAILURE } };
    expect((await applyTo(client, { executables: [always] })).steps[0]?.kind).toBe("restart");
  });

  test("says what was done, what failed and what was not tried, and goes on the next time", async () => {
    const { meddler, client } = node();
    meddler.failAt = 2;
    const error = await failureOf(applyTo(meddler.client, WEB));
    expect(error.message.split("\n")).toEqual([
      "apply: call 2 fails, as the test wants it",
      "done:",
      "  + allocate web  (memory.max = 67108864)",
      "  + start    web: db  (db --fast)",
      "failed:",
      "  + start    web: server  (serve)",
      "not tried:",
      "  + allocate web/cache",
      "  + start    web/cache: redis  (redis)",
      "  + start    (no cell): agent  (agent)",
      "apply it again to go on from here",
    ]);
    expect((await applyTo(client, WEB)).steps.length).toBe(4);
  });

  test("says when a restart stopped and could not start", async () => {
    const { meddler, client } = node();
    await applyTo(client, { executables: [{ name: "x", command: "x" }] });
    meddler.failAt = 1;
    const error = await failureOf(
      applyTo(meddler.client, { executables: [{ name: "x", command: "y" }] }),
    );
    expect(error.halfDone).toBe("it was stopped, and is not started again");
    expect(error.message).toContain("(it was stopped, and is not started again)");
    expect(error.done).toEqual([]);
  });

  test("passes on what the daemon refuses", async () => {
    const { client } = node();
    const desired = { cells: [{ name: "a", cpu: { weight: 0 } }, { name: "b" }] };
    const error = await failureOf(applyTo(client, desired));
    expect(error.message).toContain("cell.cpu.weight");
    expect(error.notTried.map(({ cellName }) => cellName)).toEqual(["b"]);
  });

  test("stops at an aborted signal, between two steps", async () => {
    const { client } = node();
    const abort = new AbortController();
    const error = await failureOf(
      applyTo(client, WEB, { signal: abort.signal, onStep: () => abort.abort() }),
    );
    expect(error.done.length).toBe(1);
    expect(error.notTried.length).toBe(4);
  });
});
