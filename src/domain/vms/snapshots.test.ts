import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { drive, errorOf, nic, VmsWorld } from "../../../test/harness/vms-world.ts";
import { AuraeError } from "../../base/errors.ts";
import { vmId } from "./vm-id.ts";
import type { RestoreAsk } from "./vms.ts";

let world: VmsWorld;
let folder: string;
let path: string;

beforeEach(() => {
  world = new VmsWorld();
  folder = mkdtempSync(join(tmpdir(), "vm-snapshots-"));
  path = join(folder, "snapshot");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function ask(id: string, more: Partial<RestoreAsk> = {}): RestoreAsk {
  return {
    ...{ id: vmId(id), path, drivePaths: [], nics: [], vsockCid: undefined, isPaused: false },
    ...more,
  };
}

describe("Vms.snapshot", () => {
  test("writes a folder for root alone, and the guest goes on as it was", async () => {
    const vm = await world.start("a");
    expect(await world.vms.snapshot("a", path)).toEqual({ writtenBytes: 11 });
    expect(readdirSync(path).sort()).toEqual(["memory", "state", "vm.json"]);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder)).toEqual(["snapshot"]);
    expect(await world.stateOf("a")).toBe("running");
    await vm.pause();
    await world.vms.snapshot("a", join(folder, "second"));
    expect(await world.stateOf("a")).toBe("paused");
    expect(world.kinds("a").filter((kind) => kind === "snapshot")).toHaveLength(2);
  });

  test("refuses what is there already, a missing folder, and a machine that does not run", async () => {
    await world.start("a");
    mkdirSync(path);
    expect(await errorOf(world.vms.snapshot("a", path))).toStartWith(
      `already_exists: vm 'a' could not be snapshotted: there is something at "${path}" already`,
    );
    const deep = join(folder, "none", "snapshot");
    expect(await errorOf(world.vms.snapshot("a", deep))).toMatch(
      /^failed_precondition: .* make ".*none" first$/,
    );
    writeFileSync(join(folder, "file"), "");
    expect(await errorOf(world.vms.snapshot("a", join(folder, "file", "snapshot")))).toMatch(
      /^failed_precondition: .* cannot write a snapshot to ".*file\/snapshot": ENOTDIR.*; make ".*file" first$/,
    );
    rmSync(join(folder, "file"));
    world.allocate("b");
    expect(await errorOf(world.vms.snapshot("b", join(folder, "b")))).toContain("is not running");
    expect(readdirSync(folder)).toEqual(["snapshot"]);
  });

  test("leaves nothing behind when it fails, and the guest goes on", async () => {
    await world.start("a");
    world.host.failing.set("snapshot", new AuraeError("resource_exhausted", "the disk is full"));
    expect(await errorOf(world.vms.snapshot("a", path))).toBe(
      `resource_exhausted: vm 'a' could not be snapshotted: the disk is full; make room for "${path}", or name another place`,
    );
    expect([readdirSync(folder), await world.stateOf("a")]).toEqual([[], "running"]);
  });
});

describe("Vms.restore", () => {
  beforeEach(async () => {
    await world.start("a", {
      drives: [drive("/root.img", true), drive("/data.img")],
      nics: [nic(), nic()],
      vsockCid: 40,
    });
    await world.vms.snapshot("a", path);
  });

  test("makes machines with ids, addresses and images of their own", async () => {
    const drivePaths = ["/root.img", "/data-b.img"];
    const b = await world.vms.restore(ask("b", { drivePaths }));
    const c = await world.vms.restore(
      ask("c", { drivePaths: ["/root.img", "/data-c.img"], vsockCid: 50, isPaused: true }),
    );
    expect([await world.stateOf("b"), await world.stateOf("c")]).toEqual(["running", "paused"]);
    await c.resume();
    expect(await world.stateOf("c")).toBe("running");
    const all = world.vms.all.flatMap(({ spec }) => spec.nics.map(({ mac }) => mac));
    expect(new Set(all).size).toBe(6);
    expect([b.spec.vsockCid, c.spec.vsockCid]).toEqual([3, 50]);
    expect(world.host.guest("b").spec.restore).toEqual({
      ...{ statePath: join(path, "state"), memoryPath: join(path, "memory") },
    });
    expect(world.host.guest("b").spec.drives.map((it) => it.path)).toEqual(drivePaths);
    expect(world.kinds("b")).toEqual(["allocated", "started"]);
    expect(world.state.load().vms.map(({ state }) => state)).toEqual(["live", "live", "live"]);
  });

  test("has each guest find a door that says which life it is, until its end", async () => {
    const vm = world.vms.find("a", "started");
    const first = world.doors.get("a");
    await vm.stop({ graceMs: 0, isForced: true });
    expect(world.doors.has("a")).toBe(false);
    await world.vms.restore(ask("b", { drivePaths: ["/root.img", "/data-b.img"] }));
    await world.vms.restore(ask("c", { drivePaths: ["/root.img", "/data-c.img"] }));
    await vm.start();
    const lives = [first, ...["a", "b", "c"].map((id) => world.doors.get(id))];
    expect(lives.every((life) => /^[0-9a-f]{32}$/.test(life ?? ""))).toBe(true);
    expect(new Set(lives).size).toBe(4);
    expect(world.sites.get("a")?.life).toBe(world.doors.get("a"));
    const before = new Map(world.doors);
    await world.killDaemon(() => world.doors.clear());
    expect(new Map([...world.doors].sort())).toEqual(new Map([...before].sort()));
  });

  test("refuses a drive that the first one still writes to, and leaves nothing", async () => {
    expect(await errorOf(world.vms.restore(ask("b")))).toContain(`"/data.img" is in use by vm 'a'`);
    expect(world.vms.all.map(({ id }) => `${id}`)).toEqual(["a"]);
    expect(world.networks.taps.size).toBe(2);
  });

  test("leaves nothing when the monitor refuses", async () => {
    const drivePaths = ["/x", "/y"];
    world.host.failing.set("create", new AuraeError("invalid_argument", "its checksum is wrong"));
    expect(await errorOf(world.vms.restore(ask("b", { drivePaths })))).toBe(
      "invalid_argument: vm 'b' could not be restored: its checksum is wrong",
    );
    expect([world.vms.all.length, world.networks.taps.size]).toEqual([1, 2]);
    expect(world.state.load().vms).toHaveLength(1);
  });

  test("refuses an id that is taken, and another number of drives or NICs", async () => {
    expect(await errorOf(world.vms.restore(ask("a")))).toStartWith("already_exists");
    expect(await errorOf(world.vms.restore(ask("b", { drivePaths: ["/x"] })))).toBe(
      "invalid_argument: drive_paths: the snapshot has 2, and not 1: name all of them, or none",
    );
    expect(await errorOf(world.vms.restore(ask("b", { nics: [nic()] })))).toStartWith(
      "invalid_argument: nics: the snapshot has 2, and not 1",
    );
  });

  test("refuses what is no snapshot, or a damaged one", async () => {
    const none = ask("b", { path: join(folder, "none") });
    expect(await errorOf(world.vms.restore(none))).toStartWith("not_found: there is no snapshot");
    const file = ask("b", { path: join(path, "vm.json") });
    expect(await errorOf(world.vms.restore(file))).toContain("is no folder of a snapshot");
    const description = join(path, "vm.json");
    const text = readFileSync(description, "utf8");
    for (const [bad, why] of [
      [text.replace(`\\"vcpus\\":1`, `\\"vcpus\\":2`), "its checksum is wrong"],
      [text.replace(`"version":1`, `"version":7`), "it has version 7, and this is 1"],
      [text.slice(0, 40), "vm.json"],
      ["[]", "it has version undefined"],
      ["null", "it has version undefined"],
    ] as const) {
      writeFileSync(description, bad);
      expect(await errorOf(world.vms.restore(ask("b")))).toMatch(
        new RegExp(`^invalid_argument: the snapshot .*${why}`),
      );
    }
    expect([existsSync(path), world.vms.all.length]).toEqual([true, 1]);
  });

  test("is dropped by the daemon that comes back, where it was not told of", async () => {
    world.host.gate = new Promise(() => undefined);
    void world.vms.restore(ask("b", { drivePaths: ["/x", "/y"] }));
    await Bun.sleep(0);
    expect(world.state.load().vms.map(({ state }) => state)).toEqual(["live", "restoring"]);
    await world.killDaemon(() => {
      world.host.gate = undefined;
    });
    expect(world.vms.all.map(({ id }) => `${id}`)).toEqual(["a"]);
    expect(world.networks.taps.size).toBe(2);
  });
});
