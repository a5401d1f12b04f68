import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { CellService } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { findCgroup2 } from "../../src/kernel/cgroup/mount-point.ts";
import { LogChannelType, ObserveService } from "../../src/gen/aurae/observe/v0/observe_pb.ts";
import { TestDaemon } from "../harness/daemon.ts";
import { eventually } from "../harness/eventually.ts";
import { missingForCgroups } from "../harness/host.ts";

const missing = missingForCgroups();
const CELLS = "aurae.cells.v0.CellService";

describe.skipIf(missing !== undefined)(`auraed's cells on this host ${missing ?? ""}`, () => {
  const cell = `ae-e2e-${randomUUID()}`;
  let daemon: TestDaemon;

  beforeAll(async () => {
    daemon = await TestDaemon.start();
  });

  afterAll(async () => {
    await daemon.stop();
  });

  const start = (name: string, command: string, extra = {}) =>
    daemon.call(`${CELLS}/Start`, { cellName: cell, executable: { name, command }, ...extra });
  const stop = (executableName: string) =>
    daemon.call(`${CELLS}/Stop`, { cellName: cell, executableName });
  /** What an executable has printed so far. */
  const output = async (executableName: string, stream: "STDOUT" | "STDERR"): Promise<string> => {
    const chunks: Uint8Array[] = [];
    const request = {
      cellName: cell,
      executableName,
      channelType: LogChannelType[stream],
      follow: false,
      raw: true,
    };
    for await (const { data } of daemon.client(ObserveService).getSubProcessStream(request)) {
      chunks.push(data);
    }
    return Buffer.concat(chunks).toString();
  };
  const group = (path = ""): string => join(findCgroup2(), cell, path);
  const pidOf = (answer: { body: Record<string, unknown> }): number => Number(answer.body.pid);

  test("Allocate makes the control group, and says so", async () => {
    const answer = await daemon.call(`${CELLS}/Allocate`, { cell: { name: cell } });
    expect(answer).toEqual({
      status: 200,
      version: "2",
      body: { cellName: cell, cgroupV2: true },
    });
    expect(existsSync(group("_"))).toBe(true);
  });

  test("Allocate again answers already_exists", async () => {
    const answer = await daemon.call(`${CELLS}/Allocate`, { cell: { name: cell } });
    expect(answer.body).toMatchObject({
      code: "already_exists",
      message: `cell '${cell}' already exists`,
    });
  });

  test("Start runs a process in the cell, List shows it, and Stop ends it and tells how", async () => {
    const started = await start("sleeper", "sleep 300");
    expect(pidOf(started)).toBeGreaterThan(1);
    const cgroup = readFileSync(`/proc/${pidOf(started)}/cgroup`, "utf8");
    expect(cgroup).toContain(`0::/${cell}/_/exe.sleeper\n`);
    const listed = await daemon.call(`${CELLS}/List`);
    expect(listed.body.cells).toContainEqual({
      cell: { name: cell },
      executables: [
        {
          name: "sleeper",
          command: "sleep 300",
          pid: pidOf(started),
          hostPid: pidOf(started),
          state: "EXECUTABLE_STATE_RUNNING",
        },
      ],
    });
    expect((await stop("sleeper")).body).toEqual({ exitStatus: { signal: 15 } });
    expect(existsSync(`/proc/${pidOf(started)}`)).toBe(false);
    expect(readdirSync(group("_")).filter((name) => name.startsWith("exe."))).toEqual([]);
  });

  test("Start runs as the user and the group that were asked for", async () => {
    const started = await start("user", "sleep 300", { uid: 1234, gid: 2345 });
    expect(started.body).toMatchObject({ uid: 1234, gid: 2345 });
    const status = readFileSync(`/proc/${pidOf(started)}/status`, "utf8");
    expect(status).toMatch(/^Uid:\t1234\t1234\t1234\t1234\nGid:\t2345\t2345\t2345\t2345$/m);
    await stop("user");
  });

  test("Start with a user alone keeps the daemon's group and none besides, as SECURITY.md says", async () => {
    const started = await start("half", "sleep 300", { uid: 1234 });
    const gid = process.getgid?.() ?? 0;
    expect({ gid: 0, ...started.body }).toMatchObject({ uid: 1234, gid });
    const status = readFileSync(`/proc/${pidOf(started)}/status`, "utf8");
    expect(status).toMatch(new RegExp(`^Gid:\\t${gid}\\t${gid}\\t${gid}\\t${gid}$`, "m"));
    expect(status).toMatch(/^Groups:\s*$/m);
    await stop("half");
  });

  test("Stop reaches what has left the process group and the session", async () => {
    await start("daemoniser", "setsid -f sleep 301; setsid -f sleep 302; exit 7");
    const inGroup = () => readFileSync(group("_/exe.daemoniser/cgroup.procs"), "utf8").split("\n");
    await eventually("the end of the first process", () => inGroup().length === 3);
    expect((await stop("daemoniser")).body).toEqual({ exitStatus: { exitCode: 7 } });
    expect(existsSync(group("_/exe.daemoniser"))).toBe(false);
  });

  test("Stop sends SIGTERM to what outlives the first process in its group", async () => {
    const loop =
      "trap 'echo ended by SIGTERM; exit 0' TERM; echo trap; while :; do sleep 0.05; done";
    await start("heir", `{ ${loop}; } & exit 3`);
    await eventually("the trap", async () => (await output("heir", "STDOUT")).includes("trap"));
    expect((await stop("heir")).body).toEqual({ exitStatus: { exitCode: 3 } });
    expect(await output("heir", "STDOUT")).toContain("ended by SIGTERM");
  });

  test("Stop has kept all output", async () => {
    await start("talker", "echo out; head -c 3000000 /dev/zero; echo err >&2; exec sleep 300");
    await eventually("the last output", async () => (await output("talker", "STDERR")) === "err\n");
    expect((await stop("talker")).body).toEqual({ exitStatus: { signal: 15 } });
    expect(await output("talker", "STDOUT")).toBe(`out\n${"\0".repeat(3_000_000)}`);
  });

  test("nested cells are control groups in their parents', and go with them", async () => {
    await daemon.call(`${CELLS}/Allocate`, { cell: { name: `${cell}/b` } });
    await daemon.call(`${CELLS}/Allocate`, { cell: { name: `${cell}/b/c` } });
    expect(existsSync(group("b/c/_"))).toBe(true);
    const started = await daemon.call(`${CELLS}/Start`, {
      cellName: `${cell}/b/c`,
      executable: { name: "x", command: "sleep 300" },
    });
    expect((await daemon.call(`${CELLS}/Free`, { cellName: `${cell}/b` })).status).toBe(200);
    expect(existsSync(group("b"))).toBe(false);
    expect(existsSync(`/proc/${pidOf(started)}`)).toBe(false);
  });

  test("Free removes the cell with all that runs in it, and a second one answers not_found", async () => {
    const started = await start("sleeper", "sleep 300");
    expect((await daemon.call(`${CELLS}/Free`, { cellName: cell })).status).toBe(200);
    expect(existsSync(group())).toBe(false);
    expect(existsSync(`/proc/${pidOf(started)}`)).toBe(false);
    const again = await daemon.call(`${CELLS}/Free`, { cellName: cell });
    expect(again.body).toMatchObject({ code: "not_found", message: `cell '${cell}' not found` });
  });

  test("a limit whose controller this host lacks answers failed_precondition and leaves nothing", async () => {
    const offered = readFileSync(join(findCgroup2(), "cgroup.controllers"), "utf8");
    const answer = await daemon.call(`${CELLS}/Allocate`, {
      cell: { name: cell, memory: { max: "100000000" } },
    });
    if (offered.includes("memory")) {
      expect(answer.status).toBe(200);
      await daemon.call(`${CELLS}/Free`, { cellName: cell });
    } else {
      expect(answer.body).toMatchObject({
        code: "failed_precondition",
        message: expect.stringContaining("no 'memory' controller"),
      });
    }
    expect(existsSync(group())).toBe(false);
  });

  test("an isolated cell has processes, host name and network of its own", async () => {
    const isolated = { name: cell, isolateProcess: true, isolateNetwork: true };
    expect((await daemon.call(`${CELLS}/Allocate`, { cell: isolated })).status).toBe(200);
    const script =
      "echo $$; hostname; ls /proc | grep -c '^[0-9]'; cat /sys/class/net/lo/operstate";
    const started = await start("looker", `${script}; exit 5`);
    expect(pidOf(started)).toBeLessThan(10);
    expect(Number(started.body.hostPid)).toBeGreaterThan(10);
    const ended = await daemon.call(`${CELLS}/Wait`, { cellName: cell, executableName: "looker" });
    expect(ended.body).toMatchObject({ exitStatus: { exitCode: 5 } });
    const [pid, hostname, processes] = (await output("looker", "STDOUT")).split("\n");
    expect([Number(pid), hostname]).toEqual([pidOf(started), cell]);
    expect(Number(processes)).toBeLessThan(10);
    expect((await daemon.call(`${CELLS}/Free`, { cellName: cell })).status).toBe(200);
  });

  test("an executable outside of all cells runs and ends too, and the daemon's end takes it along", async () => {
    const executable = { name: `outside-${cell}`, command: "sleep 300" };
    const started = await daemon.call(`${CELLS}/Start`, { executable });
    expect(started.status).toBe(200);
    const stopped = await daemon.call(`${CELLS}/Stop`, { executableName: executable.name });
    expect(stopped.body).toEqual({ exitStatus: { signal: 15 } });
  });

  test("an executable that is restarted runs in the same place, and ends as it does", async () => {
    await daemon.call(`${CELLS}/Allocate`, { cell: { name: cell } });
    await daemon.call(`${CELLS}/Start`, {
      cellName: cell,
      executable: {
        name: "flaky",
        command: "echo again; exit 7",
        restart: { mode: "RESTART_MODE_ALWAYS", backoffMs: 1, startLimit: 4 },
      },
    });
    const ended = await daemon.call(`${CELLS}/Wait`, { cellName: cell, executableName: "flaky" });
    expect(ended.body).toMatchObject({ exitStatus: { exitCode: 7 } });
    expect(await output("flaky", "STDOUT")).toBe("again\n".repeat(4));
    await daemon.call(`${CELLS}/Free`, { cellName: cell });
  });

  test("one of many that allocate a name at once has it, and 64 clients use one cell while it is freed", async () => {
    const clients = Array.from({ length: 64 }, () => daemon.client(CellService));
    const name = `${cell}-many`;
    const codeOf = (work: Promise<unknown>) =>
      work.then(
        () => "done",
        (error: unknown) => Code[ConnectError.from(error).code],
      );
    const allocated = clients.map((client) => codeOf(client.allocate({ cell: { name } })));
    expect((await Promise.all(allocated)).toSorted()).toEqual([
      ...Array(63).fill("AlreadyExists"),
      "done",
    ]);
    const start = (client: (typeof clients)[number], executable: string) =>
      codeOf(
        client.start({ cellName: name, executable: { name: executable, command: "sleep 300" } }),
      );
    const started = clients.map((client, at) => start(client, `x${at}`));
    expect(new Set(await Promise.all(started))).toEqual(new Set(["done"]));
    const [first] = clients;
    const [freed, late] = await Promise.all([
      first === undefined ? "nobody" : codeOf(first.free({ cellName: name })),
      Promise.all(clients.map((client, at) => start(client, `late${at}`))),
    ]);
    expect(freed).toBe("done");
    expect(["done", "FailedPrecondition", "NotFound"]).toEqual(
      expect.arrayContaining([...new Set(late)]),
    );
    expect(existsSync(join(findCgroup2(), name))).toBe(false);
  });
});
