import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findCgroup2 } from "../../src/kernel/cgroup/mount-point.ts";
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
    const read = (): string =>
      readFileSync(join(daemon.directory, "lib/output", cell, "_/exe.heir/stdout.log"), "utf8");
    await eventually("the trap", () => read().includes("trap"));
    expect((await stop("heir")).body).toEqual({ exitStatus: { exitCode: 3 } });
    expect(read()).toContain("ended by SIGTERM");
  });

  test("Stop has kept all output", async () => {
    await start("talker", "echo out; head -c 3000000 /dev/zero; echo err >&2; exec sleep 300");
    const folder = join(daemon.directory, "lib/output", cell, "_/exe.talker");
    const read = (stream: string): string => readFileSync(join(folder, `${stream}.log`), "utf8");
    await eventually("the last output", () => read("stderr") === "err\n");
    expect((await stop("talker")).body).toEqual({ exitStatus: { signal: 15 } });
    expect(read("stdout")).toBe(`out\n${"\0".repeat(3_000_000)}`);
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

  test("isolation, which comes later, is refused and not ignored", async () => {
    const answer = await daemon.call(`${CELLS}/Allocate`, {
      cell: { name: cell, isolateProcess: true },
    });
    expect(answer.body).toMatchObject({
      code: "unimplemented",
      message: expect.stringContaining("cell.isolate_process"),
    });
  });

  test("an executable outside of all cells runs and ends too, and the daemon's end takes it along", async () => {
    const executable = { name: `outside-${cell}`, command: "sleep 300" };
    const started = await daemon.call(`${CELLS}/Start`, { executable });
    expect(started.status).toBe(200);
    const stopped = await daemon.call(`${CELLS}/Stop`, { executableName: executable.name });
    expect(stopped.body).toEqual({ exitStatus: { signal: 15 } });
  });
});
