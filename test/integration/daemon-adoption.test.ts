/** A daemon that is killed, and the one that comes after it, on the real kernel. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CellService, ExecutableState } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { ReadinessMode } from "../../src/gen/aurae/cells/v0/executables_pb.ts";
import { ObserveService } from "../../src/gen/aurae/observe/v0/observe_pb.ts";
import { findCgroup2 } from "../../src/kernel/cgroup/mount-point.ts";
import { TestDaemon } from "../harness/daemon.ts";
import { eventually } from "../harness/eventually.ts";
import { missingForCgroups } from "../harness/host.ts";

const missing = missingForCgroups();

describe.skipIf(missing !== undefined)(`auraed after a kill -9 ${missing ?? ""}`, () => {
  const name = `ae-adopt-${crypto.randomUUID()}`;
  let daemon: TestDaemon;

  afterAll(async () => {
    await daemon.end();
    rmSync(daemon.directory, { recursive: true, force: true });
  });

  const cells = () => daemon.client(CellService);
  const start = (executable: string, command: string, cellName = name) =>
    cells().start({ cellName, executable: { name: executable, command } });

  async function output(executableName: string): Promise<string> {
    const chunks: Uint8Array[] = [];
    const request = { cellName: name, executableName, follow: false, raw: true };
    for await (const { data } of daemon.client(ObserveService).getSubProcessStream(request)) {
      chunks.push(data);
    }
    return Buffer.concat(chunks).toString();
  }

  async function replaceDaemon(
    meanwhile: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    await daemon.end("SIGKILL");
    await meanwhile();
    daemon = await daemon.successor();
  }

  test("takes up cells and executables, with all that they print before, meanwhile and after", async () => {
    daemon = await TestDaemon.start();
    await cells().allocate({ cell: { name, isolateProcess: true, isolateNetwork: true } });
    await cells().allocate({ cell: { name: `${name}/inner` } });
    const loop = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.01; done";
    const counter = await start("counter", loop);
    const inner = await start("sleeper", "exec sleep 1000", `${name}/inner`);
    await eventually("some lines", async () => (await output("counter")).includes("line 5\n"));
    await replaceDaemon(() => Bun.sleep(300));
    const { cells: list } = await cells().list({});
    const node = list.find((it) => it.cell?.name === name);
    expect(node?.cell).toMatchObject({ isolateProcess: true, isolateNetwork: true });
    expect(node?.executables).toMatchObject([
      {
        name: "counter",
        state: ExecutableState.RUNNING,
        pid: counter.pid,
        hostPid: counter.hostPid,
      },
    ]);
    expect(node?.children[0]?.executables).toMatchObject([
      { name: "sleeper", hostPid: inner.hostPid },
    ]);
    const seen = (await output("counter")).split("\n").length;
    await eventually(
      "more lines",
      async () => (await output("counter")).split("\n").length > seen + 20,
    );
    const lines = (await output("counter")).trimEnd().split("\n");
    expect(lines).toEqual(lines.map((_, index) => `line ${index + 1}`));
  });

  test("knows of one that has ended and printed nothing that this is its output", async () => {
    const { hostPid } = await start("silent", "exit 0");
    await cells().wait({ cellName: name, executableName: "silent" });
    await replaceDaemon();
    expect(await output("silent")).toBe("");
    const byPid = daemon
      .client(ObserveService)
      .getSubProcessStream({ processId: hostPid, follow: false, raw: true });
    expect(await Array.fromAsync(byPid)).toEqual([]);
    await cells().stop({ cellName: name, executableName: "silent" });
  });

  test("starts in cells that it took up, in the namespaces that they had", async () => {
    await start("again", "cat /proc/1/comm; readlink /proc/self/ns/net");
    await cells().wait({ cellName: name, executableName: "again" });
    expect(await output("again")).toMatch(/^aurae-cell\nnet:\[\d+\]\n$/);
  });

  test("stops what it took up, and tells how it ended as far as the kernel does", async () => {
    const started = await start("stubborn", "trap '' TERM; sleep 1000; exit 3");
    await replaceDaemon();
    await cells().stop({ cellName: name, executableName: "stubborn", gracePeriodMs: 10 });
    expect(existsSync(`/proc/${started.hostPid}`)).toBe(false);
  });

  test("says of what ended meanwhile that it has, and keeps what it printed", async () => {
    await start("brief", "echo here; sleep 0.5; echo gone");
    await eventually("its output", async () => (await output("brief")).includes("here"));
    await replaceDaemon(() => Bun.sleep(700));
    const status = await cells().wait({ cellName: name, executableName: "brief" });
    expect(status.exitStatus).toBeUndefined();
    expect(await output("brief")).toStartWith("here\n");
  });

  test("hears READY=1 of one that was starting when the daemon was killed", async () => {
    const go = join(daemon.directory, "go");
    const say =
      'import os, socket; socket.socket(1, 2).sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])';
    await cells().start({
      cellName: name,
      executable: {
        name: "slow",
        command: `until [ -e ${go} ]; do sleep 0.05; done; python3 -c '${say}'; exec sleep 1000`,
        readiness: { mode: ReadinessMode.NOTIFY },
      },
    });
    const state = async () => {
      const { cells: list } = await cells().list({});
      const node = list.find((it) => it.cell?.name === name);
      return node?.executables.find((it) => it.name === "slow")?.state;
    };
    await replaceDaemon();
    expect(await state()).toBe(ExecutableState.STARTING);
    writeFileSync(go, "");
    await eventually("READY=1", async () => (await state()) === ExecutableState.RUNNING);
  });

  test("frees what it took up, and leaves nothing", async () => {
    await cells().free({ cellName: name });
    expect(existsSync(join(findCgroup2(), name))).toBe(false);
    const mounts = readFileSync("/proc/self/mountinfo", "utf8");
    expect(mounts).not.toContain(name);
  });
});
