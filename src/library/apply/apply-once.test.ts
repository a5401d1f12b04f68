/** What is started once a boot can't be brought back, so that apply neither ends it nor waits for it. */
import { describe, expect, test } from "bun:test";
import { applyNode as node, failureOf, texts } from "../../../test/harness/apply-node.ts";
import { applyTo } from "./apply.ts";

describe("applyTo, of what is started once a boot,", () => {
  test("counts as done what comes once a boot and was stopped, or went with its cell", async () => {
    const { client, meddler, calls } = node();
    const once = { name: "once", command: "once", oncePerBoot: true };
    const desired = { cells: [{ name: "a", executables: [once] }], executables: [once] };
    await applyTo(client, desired);
    await client.stop({ executableName: "once" });
    await client.stop({ cellName: "a", executableName: "once" });
    expect((await applyTo(client, desired)).isEmpty).toBe(true);
    await client.free({ cellName: "a" });
    expect(texts(await applyTo(meddler.client, desired))).toEqual(["+ allocate a"]);
    expect(calls).toEqual(["allocate a"]);
    const other = { cells: [{ name: "b", executables: [once] }] };
    expect((await applyTo(client, other)).steps.length).toBe(2);
    const often = { executables: [{ ...once, oncePerBoot: false }] };
    expect(texts(await applyTo(client, often))).toEqual(["+ start    (no cell): once  (once)"]);
  });

  test("does not restart into what was started this boot already", async () => {
    const { client, meddler, calls } = node();
    const often = { executables: [{ name: "x", command: "x" }] };
    const once = { executables: [{ name: "x", command: "x", oncePerBoot: true }] };
    await applyTo(client, once);
    await client.stop({ executableName: "x" });
    await applyTo(client, often);
    const error = await failureOf(applyTo(meddler.client, once));
    expect(error.message).toContain("boot the machine for its new definition");
    expect(calls).toEqual([]);
    expect((await applyTo(client, often)).isEmpty).toBe(true);
  });

  test("starts nothing that requires what came once a boot and has gone", async () => {
    const { client, meddler, calls } = node();
    const desired = {
      executables: [
        { name: "once", command: "once", oncePerBoot: true },
        { name: "x", command: "x", requires: ["once"] },
      ],
    };
    await applyTo(client, desired);
    await client.stop({ executableName: "once" });
    const error = await failureOf(applyTo(meddler.client, desired));
    expect(error.message).toContain(
      "(no cell): x requires 'once', which is started once a boot, was, and does not run: boot the machine",
    );
    expect(calls).toEqual([]);
  });

  test("replaces no cell in which something runs that comes once a boot, however deep", async () => {
    const { client, meddler, calls, fixture } = node();
    const once = { name: "once", command: "once", oncePerBoot: true };
    const inner = { name: "b", executables: [once] };
    await applyTo(client, { cells: [{ name: "a", cells: [inner] }] });
    const desired = { cells: [{ name: "a", isolateProcess: true, cells: [inner] }] };
    for (const options of [{ replace: true }, { replace: true, prune: true }, {}]) {
      const error = await failureOf(applyTo(meddler.client, desired, options));
      expect(error.message).toContain(
        "replace a: not done: it would end 'a/b: once', which is started once a boot",
      );
    }
    expect(calls).toEqual([]);
    for (const process of fixture.kernel.processes.running) {
      process.exit({ kind: "exited", code: 0 });
    }
    await Bun.sleep(0);
    const plan = await applyTo(client, desired, { replace: true });
    expect(texts(plan)).toEqual([
      "! replace  a  (isolate_process: (none) -> true)",
      "+ allocate a/b",
    ]);
    expect((await applyTo(client, desired)).isEmpty).toBe(true);
  });

  test("replaces no cell whose description makes something of once a boot that was started", async () => {
    const { client, meddler, calls } = node();
    const x = { name: "x", command: "x" };
    const once = { ...x, oncePerBoot: true };
    await applyTo(client, { cells: [{ name: "a", executables: [once] }] });
    await client.stop({ cellName: "a", executableName: "x" });
    await applyTo(client, { cells: [{ name: "a", executables: [x] }] });
    const desired = { cells: [{ name: "a", isolateProcess: true, executables: [once] }] };
    const error = await failureOf(applyTo(meddler.client, desired, { replace: true }));
    expect(error.message).toContain("it would end 'a: x', which is started once a boot");
    expect(calls).toEqual([]);
  });
});
