import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { until } from "../../../test/harness/cells-world.ts";
import { drive, nic, VmsWorld } from "../../../test/harness/vms-world.ts";
import { AuraeError } from "../../base/errors.ts";
import { setLogSink } from "../../base/log.ts";
import { DEFAULT_CONSOLE } from "./vm-spec.ts";

const FORCE = { graceMs: 0, isForced: true };

let world: VmsWorld;
let logged: string[];
let unlog: () => void;

beforeEach(() => {
  logged = [];
  unlog = setLogSink((line) => logged.push(line));
  world = new VmsWorld();
});

afterEach(() => unlog());

/** A start that the daemon does not live to see the end of. */
async function startHalf(id: string): Promise<void> {
  world.host.gate = new Promise(() => undefined);
  const nics = [nic(), nic()];
  void world.allocate(id, { nics }).start();
  await until("the network", () => world.networks.taps.size === 2);
}

describe("a daemon that comes back", () => {
  test("goes on with guests that run, and hears of their ends", async () => {
    const before = await world.start("a", { balloonMb: 4 });
    const { pid, startedMs, auraedAddress } = before;
    await before.pause();
    await world.killDaemon();
    const vm = world.vms.find("a", "inspected");
    expect(vm).not.toBe(before);
    expect([vm.pid, vm.startedMs, vm.auraedAddress, vm.spec]).toEqual([
      ...[pid, startedMs, auraedAddress, before.spec],
    ]);
    expect(await world.stateOf("a")).toBe("paused");
    world.host.guest("a").console.push("still here");
    await until("the output", () => world.outputs.get("a")?.at(-1)?.texts.stdout === "still here");
    const waiting = vm.wait();
    world.host.guest("a").finish("crash", "triple fault");
    expect(await waiting).toMatchObject({ kind: "crash", message: "triple fault" });
    expect(world.networks.taps.size).toBe(0);
    expect(world.kinds("a")).toEqual(["allocated", "started", "paused", "adopted", "ended"]);
  });

  test("finds one shut down that ended meanwhile, with nothing left of it", async () => {
    await world.start("a", { drives: [drive("/root.img")] });
    await world.killDaemon(() => world.host.guest("a").finish("off"));
    const vm = world.vms.find("a", "inspected");
    expect(await world.stateOf("a")).toBe("shutdown");
    expect(vm.ending).toEqual({
      ...{ kind: "unknown", message: "it ended while the daemon was away", endedMs: undefined },
    });
    expect(world.networks.taps.size).toBe(0);
    await world.killDaemon();
    expect(world.vms.find("a", "inspected").ending?.kind).toBe("unknown");
    await world.vms.find("a", "inspected").start();
    expect(await world.stateOf("a")).toBe("running");
  });

  test("knows what was only described, and what is taken", async () => {
    await world.start("a", { drives: [drive("/root.img")] });
    world.allocate("b");
    await world.killDaemon();
    expect(await world.stateOf("b")).toBe("created");
    expect(world.allocate("c").spec.vsockCid).toBe(5);
    await expect(world.start("d", { drives: [drive("/root.img")] })).rejects.toThrow(
      "in use by vm 'a'",
    );
  });

  test("removes a snapshot that was half written, and has the guest go on that was paused for it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "vm-adoption-"));
    try {
      await Promise.all([world.start("runs"), world.start("stands")]);
      await world.vms.find("stands", "paused").pause();
      world.host.snapshotGate = new Promise(() => undefined);
      for (const id of ["runs", "stands"]) {
        void world.vms.snapshot(id, join(folder, id));
      }
      const parts = () => readdirSync(folder).filter((name) => name.includes(".part-"));
      const isWritten = (name: string) => existsSync(join(folder, name, "memory"));
      await until("the files", () => parts().length === 2 && parts().every(isWritten));
      expect(await world.stateOf("runs")).toBe("paused");
      await world.killDaemon();
      expect(readdirSync(folder)).toEqual([]);
      await until("it to go on", () => world.host.guest("runs").state === "running");
      expect(await world.stateOf("stands")).toBe("paused");
      await until("the notes to go", () =>
        world.state.load().vms.every(({ snapshots }) => snapshots === undefined),
      );
      world.host.snapshotGate = undefined;
      await world.vms.snapshot("runs", join(folder, "runs"));
      expect(readdirSync(folder)).toEqual(["runs"]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("undoes what was being started, and it can be started", async () => {
    await startHalf("a");
    await world.killDaemon(() => {
      world.host.gate = undefined;
    });
    expect(world.networks.taps.size).toBe(0);
    expect(await world.stateOf("a")).toBe("created");
    await world.vms.find("a", "inspected").start();
    expect(await world.stateOf("a")).toBe("running");
  });

  test("knows of what was about to be made, since that was kept before", async () => {
    const { networks, state } = world;
    const create = networks.create.bind(networks);
    const kept: unknown[] = [];
    networks.create = (...args) => {
      kept.push(state.load().vms[0]?.nics.map((it) => it?.tap));
      return create(...args);
    };
    await world.start("a", { nics: [nic(), nic()] });
    expect(kept).toEqual([[undefined], ["tap11", undefined]]);
  });

  test("ends a guest that nobody was told of", async () => {
    const gate = Promise.withResolvers<void>();
    const vm = world.allocate("a");
    world.host.failing.set("run", new AuraeError("internal", "never asked"));
    world.host.gate = gate.promise;
    void vm.start().catch(() => undefined);
    gate.resolve();
    // Its record says no more than that it is being started, or has been.
    const [record] = world.state.load().vms;
    world.host.failing.clear();
    await world.killDaemon(() => world.host.boot({ ...vmSpecOf("a") }));
    expect(record?.state).toBe("starting");
    expect(world.host.guests.size).toBe(0);
  });

  test("finishes what was being freed, and drops what was being restored", async () => {
    const vm = await world.start("a");
    world.host.guest("a").hearsButton = false;
    void vm.free({ graceMs: 60_000, isForced: false });
    await until("the record", () => world.state.load().vms[0]?.state === "freeing");
    await world.killDaemon();
    expect([world.vms.all, world.state.load().vms]).toEqual([[], []]);
    expect([world.host.guests.size, world.networks.taps.size]).toEqual([0, 0]);
    expect(world.kinds("a").at(-1)).toBe("freed");
  });

  test("ends one that it can't go on with, and says so", async () => {
    await world.start("a");
    const adopt = world.host.monitors;
    world.host.monitors = function monitors() {
      return Object.assign(adopt.call(this), {
        adopt: () => Promise.reject(new AuraeError("internal", "its socket is gone")),
      });
    };
    await world.killDaemon();
    expect([await world.stateOf("a"), world.host.guests.size]).toEqual(["shutdown", 0]);
    expect(logged.join("\n")).toContain("its socket is gone");
  });

  test("tells of a network that somebody removed", async () => {
    await world.start("a");
    await world.killDaemon(() => world.networks.taps.clear());
    expect(await world.stateOf("a")).toBe("running");
    expect(logged.join("\n")).toContain("the network of a vm is gone");
    await world.vms.free("a", FORCE);
  });

  test("goes on counting events", async () => {
    await world.start("a");
    const last = world.vms.events.lastSequence;
    await world.killDaemon();
    expect(world.vms.events.lastSequence).toBeGreaterThan(last);
  });
});

describe("with a full disk", () => {
  test("machines go on, start and stop, and the loss is told", async () => {
    const vm = world.allocate("a");
    world.state.isFull = true;
    await vm.start();
    await vm.stop(FORCE);
    expect(await world.stateOf("a")).toBe("shutdown");
    expect(logged[0]).toContain("could not keep a state for the daemon that comes next");
  });
});

/** What a monitor of an id could have been asked for. */
function vmSpecOf(id: string) {
  return {
    ...{ id, vcpus: 1, memoryBytes: 1, kernelPath: "/k", initrdPaths: [], commandLine: "" },
    ...{ drives: [], nics: [], limits: { memoryOverheadBytes: 0 } },
    consoleSize: DEFAULT_CONSOLE,
  };
}
