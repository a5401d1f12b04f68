/** Monitors that do not do as they should: a program in the place of `auraed vmm`, which has been taken over, or is broken. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { eventually } from "../harness/eventually.ts";
import { missingForMonitors, MonitorWorld } from "../harness/monitor-world.ts";

const SLOW = 60_000;
const suite = `monitors at fault${missingForMonitors === undefined ? "" : ` (need ${missingForMonitors})`}`;

/** What each has: to read requests, and to say something. */
const PRELUDE = `
  const { readSync, writeSync, openSync } = require("node:fs");
  const buffer = Buffer.alloc(65536);
  const next = () => JSON.parse(buffer.subarray(0, readSync(3, buffer)).toString());
  const say = (message) => writeSync(3, typeof message === "string" ? message : JSON.stringify(message));
  const answer = (result = {}) => say({ id: next().id, result });
  const stay = () => { for (;;) next(); };
`;

const standIn = (code: string) => ({ path: process.execPath, args: ["-e", PRELUDE + code] });

describe.skipIf(missingForMonitors !== undefined)(suite, () => {
  test(
    "that do what they should are taken for good, wherever they come from",
    async () => {
      await using world = new MonitorWorld(standIn("answer(); answer(); stay();"));
      const vm = await world.create();
      await vm.run();
      await vm.kill();
      expect(await vm.ended).toEqual({ kind: "killed", message: "" });
    },
    SLOW,
  );

  test(
    "that only say that they have ended are ended",
    async () => {
      const ended = 'say({ id: next().id, result: { state: "ended", runtimeMs: 0 } })';
      await using world = new MonitorWorld(standIn(`answer(); ${ended}; stay();`));
      const vm = await world.create();
      expect(await vm.status()).toMatchObject({ state: "ended" });
      expect(await vm.ended).toEqual({ kind: "killed", message: "" });
    },
    SLOW,
  );

  test.each([
    ["process.exit(3)", "it ended as it was started: its monitor ended with code 3"],
    ['writeSync(2, "no way"); process.exit(3)', "its monitor ended with code 3: no way"],
    ["process.kill(process.pid, 'SIGKILL'); process.abort()", "it ended as it was started: "],
    ['say({ event: "ended", end: { kind: "off", message: "" } }); stay()', "was started: off"],
    [
      'say({ event: "ended", end: { kind: "off", message: "" } }); process.exit(0)',
      "it ended as it was started",
    ],
    ['say("nonsense"); stay()', "a message that is not JSON"],
    ["say({ id: next().id, result: 7 }); stay()", "the result of create is 7"],
    [
      'say({ id: next().id, error: { kind: "unavailable", message: "kvm is busy" } }); stay()',
      "kvm is busy",
    ],
    [
      'say({ id: next().id, error: { kind: "invalid_argument", message: "no kernel" } }); stay()',
      "no kernel",
    ],
    ['say("x".repeat(70000)); stay()', "a message of more than 65536 bytes"],
  ])(
    "are given up as they are started: %s",
    async (code, message) => {
      await using world = new MonitorWorld(standIn(code));
      expect(await world.failure({})).toContain(message);
      expect(world.leftovers()).toEqual([]);
    },
    SLOW,
  );

  test.each([
    [
      'say("nonsense")',
      { kind: "failed", message: expect.stringContaining("broke the control protocol") },
    ],
    ["process.exit(12)", { kind: "failed", message: "its monitor ended with code 12" }],
    ["process.exit(10)", { kind: "reset", message: "" }],
    [
      'say({ event: "ended", end: { kind: "crash", message: "bang" } })',
      { kind: "crash", message: "bang" },
    ],
  ])(
    "are ended, and it is told how: %s",
    async (code, end) => {
      // The last one says that it has ended, and stays.
      await using world = new MonitorWorld(standIn(`answer(); next(); ${code}; stay();`));
      const vm = await world.create();
      await expect(vm.run()).rejects.toThrow("the monitor of VM");
      expect(await vm.ended).toEqual(end as never);
      expect(world.leftovers()).toEqual([]);
    },
    SLOW,
  );

  test(
    "can't do what they could outside",
    async () => {
      const tries = `
      const attempt = (what) => { try { what(); return "done"; } catch (error) { return error.code; } };
      const { mkdirSync, readdirSync, symlinkSync } = require("node:fs");
      answer();
      say({ event: "log", level: "info", message: "tried", fields: {
        passwd: attempt(() => openSync("/etc/passwd")),
        make: attempt(() => mkdirSync("/x")),
        inRun: attempt(() => symlinkSync("/", "/run/x")),
        device: attempt(() => openSync("/dev/kvm")),
        kill: attempt(() => process.kill(-1, 0)),
        spawn: attempt(() => Bun.spawnSync(["/bin/sh"])),
        up: readdirSync("/../..").join(),
        setuid: attempt(() => process.setuid(0)),
      } });
      stay();`;
      const { setLogSink } = await import("../../src/base/log.ts");
      const lines: string[] = [];
      const restore = setLogSink((line) => void lines.push(line));
      try {
        await using world = new MonitorWorld(standIn(tries));
        const vm = await world.create();
        const line = await eventually("what it tried", () =>
          lines.find((one) => one.includes("vm: tried")),
        );
        expect(line).toContain("passwd=ENOENT make=EROFS inRun=EROFS device=ENOENT");
        expect(line).toContain("spawn=ENOENT");
        expect(line).toMatch(/up=[a-z0-9,"]*run/);
        expect(line).toContain("setuid=EPERM");
        expect(line).not.toContain("=done");
        await vm.kill();
      } finally {
        restore();
      }
    },
    SLOW,
  );

  test.each([
    'say({ event: "log", level: "info", message: "flood", fields: { text: "x".repeat(4000) } })',
    "say({ id: 1, result: {} })",
  ])(
    "that say without end what nobody has asked are ended, and the log has little of it: %s",
    async (flood) => {
      const { setLogSink } = await import("../../src/base/log.ts");
      const lines: string[] = [];
      const restore = setLogSink((line) => void lines.push(line));
      try {
        await using world = new MonitorWorld(standIn(`answer(); next(); for (;;) ${flood};`));
        const vm = await world.create();
        await expect(vm.run()).rejects.toThrow("without end");
        expect(await vm.ended).toMatchObject({ kind: "failed" });
        expect(lines.filter((line) => line.includes("flood")).length).toBeLessThan(200);
        expect(world.leftovers()).toEqual([]);
      } finally {
        restore();
      }
    },
    SLOW,
  );

  test(
    "leave no files of a snapshot that failed, and take none that are there",
    async () => {
      const code = `answer(); say({ id: next().id, error: { kind: "unimplemented", message: "not today" } }); stay();`;
      await using world = new MonitorWorld(standIn(code));
      const vm = await world.create();
      const paths = [world.path("state"), world.path("memory")] as const;
      await expect(vm.snapshot(...paths)).rejects.toThrow("not today");
      expect(paths.map((path) => existsSync(path))).toEqual([false, false]);
      await expect(vm.snapshot(world.path("text"), paths[1])).rejects.toThrow(
        "it is there already",
      );
      expect(existsSync(world.path("text"))).toBe(true);
    },
    SLOW,
  );
});
