/** A monitor outlives its daemon, and the next one takes it up. */
import { describe, expect, test } from "bun:test";
import { EXECUTABLE, inRoot } from "../../build/paths.ts";
import type { MonitorRecord } from "../../src/domain/vms/monitors.ts";
import { isRunning } from "../../src/kernel/process/proc-stat.ts";
import { eventually } from "../harness/eventually.ts";
import { linesOf } from "../harness/lines.ts";
import { missingForMonitors, MonitorWorld, readUntil } from "../harness/monitor-world.ts";

const SLOW = 60_000;
const suite = `monitors of a daemon before${missingForMonitors === undefined ? "" : ` (need ${missingForMonitors})`}`;

async function firstLineOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  for await (const line of linesOf(stream)) {
    return line;
  }
  throw new Error("the daemon said nothing");
}

/** Has a process make a machine, and kills it. */
async function orphan(world: MonitorWorld, id: string): Promise<MonitorRecord> {
  const spec = JSON.stringify(world.spec({ id, vsockCid: 9 }));
  const daemon = Bun.spawn(
    [
      process.execPath,
      inRoot("test/integration/monitor-adoption-daemon.ts"),
      world.folder,
      EXECUTABLE,
      spec,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const { startTime, stdoutInode, stderrInode, ...rest } = JSON.parse(
    await firstLineOf(daemon.stdout),
  );
  daemon.kill("SIGKILL");
  await daemon.exited;
  return {
    ...rest,
    startTime: BigInt(startTime),
    stdoutInode: BigInt(stdoutInode),
    stderrInode: BigInt(stderrInode),
  };
}

describe.skipIf(missingForMonitors !== undefined)(suite, () => {
  test(
    "run on, are found with their output and their control socket, and end",
    async () => {
      await using world = new MonitorWorld();
      const id = `test-adopted-${process.pid}`;
      const record = await orphan(world, id);
      expect(isRunning(record)).toBe(true);
      const vm = await world.monitors.adopt(id, record);
      expect(await vm?.status()).toMatchObject({ state: "running" });
      expect(await readUntil(vm!, "hi")).toBe("hi");
      await vm?.pause();
      expect(await vm?.status()).toMatchObject({ state: "paused" });
      expect(await world.monitors.adopt(id, record)).toBeUndefined();
      await vm?.kill();
      expect(await vm?.ended).toEqual({ kind: "killed", message: "" });
      expect(world.leftovers()).toEqual([]);
    },
    SLOW,
  );

  test(
    "that have ended meanwhile are none, and what is left of them is removed",
    async () => {
      await using world = new MonitorWorld();
      const id = `test-ended-${process.pid}`;
      const record = await orphan(world, id);
      process.kill(record.pid, "SIGKILL");
      await eventually("its end", () => !isRunning(record));
      expect(world.leftovers()).toEqual([id]);
      expect(await world.monitors.adopt(id, record)).toBeUndefined();
      expect(world.leftovers()).toEqual([]);
    },
    SLOW,
  );

  test(
    "that nobody was told of are cleared",
    async () => {
      await using world = new MonitorWorld();
      const id = `test-cleared-${process.pid}`;
      const record = await orphan(world, id);
      await world.monitors.clear(id);
      expect([isRunning(record), ...world.leftovers()]).toEqual([false]);
      await world.monitors.clear(id);
    },
    SLOW,
  );
});
