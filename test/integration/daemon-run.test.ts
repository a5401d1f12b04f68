/** CellService.Run against a real daemon: what is left of a run, whatever way it ends. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { CellService, ExecutableState } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { ObserveService } from "../../src/gen/aurae/observe/v0/observe_pb.ts";
import { findCgroup2 } from "../../src/kernel/cgroup/mount-point.ts";
import { AURAED, TestDaemon } from "../harness/daemon.ts";
import { eventually } from "../harness/eventually.ts";
import { missingForCgroups } from "../harness/host.ts";
import { childrenOf } from "../harness/process-state.ts";

const missing = missingForCgroups();

describe.skipIf(missing !== undefined)(`CellService.Run on this host ${missing ?? ""}`, () => {
  let daemon: TestDaemon;

  beforeAll(async () => {
    daemon = await TestDaemon.start();
  });
  afterAll(async () => {
    await daemon.stop();
  });

  const jobOf = (command: string) => {
    const name = `ae-run-${randomUUID()}`;
    const group = join(findCgroup2(), name);
    const executable = { name: "job", command };
    return { group, request: { cell: { name, isolateProcess: true }, executable } };
  };
  const cells = () => daemon.client(CellService);

  test("answers how it ended, leaves no cell, and its output can be read", async () => {
    const { group, request } = jobOf("echo from $$; exit 3");
    const { exitStatus, pid, hostPid } = await cells().run(request);
    expect(exitStatus?.outcome).toEqual({ case: "exitCode", value: 3 });
    expect(pid).toBeLessThan(hostPid);
    expect(existsSync(group)).toBe(false);
    const output: string[] = [];
    const source = { processId: hostPid, follow: false, raw: true };
    for await (const { data } of daemon.client(ObserveService).getSubProcessStream(source)) {
      output.push(Buffer.from(data).toString());
    }
    expect(output.join("")).toBe(`from ${pid}\n`);
  });

  test("and Wait tell of an end only once all that was printed before can be read", async () => {
    const cellName = `ae-run-${randomUUID()}`;
    await cells().allocate({ cell: { name: cellName } });
    const command = "for n in 1 2 3 4 5 6 7 8; do readlink /proc/self; done";
    for (let i = 0; i < 60; i++) {
      const executableName = `x${i}`;
      await cells().start({ cellName, executable: { name: executableName, command } });
      await cells().wait({ cellName, executableName });
      const request = { cellName, executableName, follow: false, raw: true };
      let text = "";
      for await (const { data } of daemon.client(ObserveService).getSubProcessStream(request)) {
        text += Buffer.from(data).toString();
      }
      expect(text.match(/\n/g)?.length).toBe(8);
    }
    await cells().free({ cellName });
  }, 30_000);

  test("a Start that is to tell the end answers with it, and goes on without its caller", async () => {
    const cellName = `ae-run-${randomUUID()}`;
    await cells().allocate({ cell: { name: cellName } });
    const start = (name: string, command: string, timeoutMs?: number) =>
      cells().start(
        { cellName, executable: { name, command }, untilEnded: true },
        timeoutMs === undefined ? {} : { timeoutMs },
      );
    const { ended, hostPid, pid } = await start("x", "echo $$; exit 5");
    expect(ended?.exitStatus?.outcome).toEqual({ case: "exitCode", value: 5 });
    expect([ended?.oomKilled, hostPid]).toEqual([false, pid]);
    expect(ended?.usage?.maxRssBytes).toBeGreaterThan(0n);
    expect(await cells().wait({ cellName, executableName: "x" })).toEqual(
      expect.objectContaining({ exitStatus: ended?.exitStatus }),
    );
    const error = await start("slow", "exec sleep 1000", 300).catch(ConnectError.from);
    expect(ConnectError.from(error).code).toBe(Code.DeadlineExceeded);
    const { cells: all } = await cells().list({});
    const states = all
      .filter(({ cell }) => cell?.name === cellName)
      .flatMap(({ executables }) => executables.map(({ name, state }) => [name, state]));
    expect(states).toEqual([
      ["slow", ExecutableState.RUNNING],
      ["x", ExecutableState.EXITED],
    ]);
    await cells().free({ cellName });
  });

  test("the daemon and its launcher go before what they run", async () => {
    // The 19th field of /proc/pid/stat.
    const niceOf = (stat: string): number =>
      Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
    const read = (file: string): string => readFileSync(`/proc/${file}`, "utf8");
    const { request } = jobOf("cat /proc/self/stat /proc/1/stat");
    const { hostPid } = await cells().run(request);
    const source = { processId: hostPid, follow: false, raw: true };
    let text = "";
    for await (const { data } of daemon.client(ObserveService).getSubProcessStream(source)) {
      text += Buffer.from(data).toString();
    }
    expect(text.trimEnd().split("\n").map(niceOf)).toEqual([0, 0]);
    const launcher = childrenOf(daemon.pid).filter(
      (pid) => read(`${pid}/comm`) === "aurae-launch\n",
    );
    const owners = [`${daemon.pid}`, ...launcher];
    expect(owners.map((pid) => niceOf(read(`${pid}/stat`)))).toEqual([-10, -10]);
  });

  test("leaves no cell when the program is not there", async () => {
    const { group, request } = jobOf("");
    const executable = { name: "job", args: ["/nope"] };
    const error = await cells()
      .run({ ...request, executable })
      .catch(ConnectError.from);
    expect(String(error)).toContain('exec "/nope": ENOENT');
    expect(existsSync(group)).toBe(false);
  });

  test("ends the executable and frees the cell when the caller goes away, or its time is over", async () => {
    const { group, request } = jobOf("exec sleep 1000");
    const error = await cells().run(request, { timeoutMs: 500 }).catch(ConnectError.from);
    expect(ConnectError.from(error).code).toBe(Code.DeadlineExceeded);
    await eventually("the cell's end", () => !existsSync(group));
  });

  const aer = (...words: string[]) =>
    Bun.spawn(
      [
        join(AURAED, "../aer"),
        ...["--socket", daemon.socket, "--ca-crt", daemon.pki("ca.crt")],
        ...["--client-crt", daemon.pki("_signed.client.nova.crt")],
        ...["--client-key", daemon.pki("client.nova.key"), "cell", "run"],
        ...words,
      ],
      { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
    );

  test("aer cell run writes the output as it comes, and ends with the exit code", async () => {
    const { group, request } = jobOf("");
    const line = "echo one; echo two >&2; exit 4";
    const child = aer(request.cell.name, "--isolate-process", "-c", line);
    expect(await child.stdout.text()).toBe("one\n");
    expect(await child.stderr.text()).toBe("two\n");
    expect(await child.exited).toBe(4);
    expect(existsSync(group)).toBe(false);
  });

  test("aer cell run is stopped by Ctrl-C, with all of its cell", async () => {
    const { group, request } = jobOf("");
    const child = aer(request.cell.name, "-c", "echo there; exec sleep 1000");
    for await (const chunk of child.stdout) {
      expect(Buffer.from(chunk).toString()).toBe("there\n");
      child.kill("SIGINT");
    }
    expect(await child.exited).toBe(130);
    await eventually("the cell's end", () => !existsSync(group));
  });

  test("is over with its daemon: the next one frees the cell", async () => {
    const { group, request } = jobOf("exec sleep 1000");
    const over = cells().run(request).catch(ConnectError.from);
    await eventually("the cell", () => existsSync(join(group, "exe.job")));
    await daemon.end("SIGKILL");
    expect(ConnectError.from(await over).code).toBe(Code.Unavailable);
    expect(existsSync(group)).toBe(true);
    daemon = await daemon.successor();
    await eventually("the cell's end", () => !existsSync(group));
    expect((await cells().list({})).cells).toEqual([]);
  });
});
