import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { until } from "../../../test/harness/cells-world.ts";
import { drive, errorOf, nic, VmsWorld } from "../../../test/harness/vms-world.ts";
import { AuraeError } from "../../base/errors.ts";
import { setLogSink } from "../../base/log.ts";
import { DEFAULT_GRACE_MS } from "./vm.ts";

const GENTLY = { graceMs: DEFAULT_GRACE_MS, isForced: false };
const FORCE = { graceMs: DEFAULT_GRACE_MS, isForced: true };

let world: VmsWorld;
let logged: string[];
let unlog: () => void;

beforeEach(() => {
  logged = [];
  unlog = setLogSink((line) => logged.push(line));
  world = new VmsWorld();
});

afterEach(() => unlog());

describe("Vms.allocate", () => {
  test("describes a machine, and opens nothing", async () => {
    const vm = world.allocate("a");
    expect(await world.stateOf("a")).toBe("created");
    expect([vm.pid, vm.startedMs, vm.ending, vm.auraedAddress]).toEqual([
      undefined,
      undefined,
      undefined,
      "",
    ]);
    expect(world.left).toEqual([]);
    expect(world.kinds("a")).toEqual(["allocated"]);
  });

  test("fills in what only the host can say, differently for each machine and host", () => {
    const a = world.allocate("a", { nics: [nic(), nic()] });
    const b = world.allocate("b");
    const macs = [...a.spec.nics, ...b.spec.nics].map(({ mac }) => mac);
    expect(new Set(macs).size).toBe(3);
    expect(macs.every((mac) => /^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/.test(mac))).toBe(true);
    expect([a.spec.vsockCid, b.spec.vsockCid]).toEqual([3, 4]);
    expect(world.allocate("c", { vsockCid: 100 }).spec.vsockCid).toBe(100);
  });

  test("refuses an id or a context id that is taken", async () => {
    world.allocate("a");
    expect(await errorOf(() => world.allocate("a"))).toBe(
      "already_exists: vm 'a' could not be allocated: Virtual machine with ID 'a' already exists",
    );
    expect(await errorOf(() => world.allocate("b", { vsockCid: 3 }))).toStartWith(
      "already_exists: vm 'b' could not be allocated: vm 'a' has vsock_cid 3 already",
    );
  });

  test("refuses what can't be kept", async () => {
    world.state.isFull = true;
    expect(await errorOf(() => world.allocate("a"))).toBe(
      "resource_exhausted: vm 'a' could not be allocated: its state can't be kept: database or disk is full",
    );
    expect(world.vms.all).toEqual([]);
  });
});

describe("Vm.start", () => {
  test("makes network, site and monitor, and has the guest run", async () => {
    const vm = await world.start("a", {
      balloonMb: 16,
      drives: [
        drive("/root.img"),
        { ...drive("/data.img", true), mountPath: "/data", fsType: "ext4" },
      ],
    });
    const guest = world.host.guest("a");
    const [tap] = world.networks.taps.values();
    expect(guest.spec).toMatchObject({
      ...{ id: "a", vcpus: 1, memoryBytes: 128 * 1024 * 1024, commandLine: "a b", vsockCid: 3 },
      drives: [
        { path: "/root.img", isReadOnly: false },
        { path: "/data.img", isReadOnly: true },
      ],
      nics: [{ tap: tap!.tap, mac: vm.spec.nics[0]!.mac, mtu: 1500 }],
      initrdExtra: Uint8Array.of(1),
      consoleSize: { columns: 80, rows: 24 },
    });
    expect(guest.spec.limits.memoryOverheadBytes).toBeGreaterThan(24 * 1024 * 1024);
    expect(guest.balloonBytes).toBe(16 * 1024 * 1024);
    expect(world.sites.get("a")?.mounts).toEqual([
      { device: "/dev/vdb", path: "/data", fsType: "ext4", isReadOnly: true },
    ]);
    expect(await world.stateOf("a")).toBe("running");
    expect(vm.auraedAddress).toBe(`[fe80::2%${tap!.ifindex}]:8080`);
    expect(vm.pid).toBe(guest.record.pid);
    expect(world.kinds("a")).toEqual(["allocated", "started"]);
  });

  test("gives no site to a guest without an initrd, and no address to one without a NIC", async () => {
    const vm = await world.start("a", {
      ...{ initrdPaths: [], nics: [], hasRootDrive: true, drives: [drive("/root.img")] },
    });
    expect(world.host.guest("a").spec.initrdExtra).toBeUndefined();
    expect([vm.auraedAddress, vm.nics]).toEqual(["", []]);
  });

  test("knows of a guest on a bridge only what it was told", async () => {
    world.networks.bridges.add("br0");
    expect((await world.start("a", { nics: [nic("br0")] })).auraedAddress).toBe("");
    const told = { nics: [nic("br0")], auraedAddress: "[2001:db8::1]:8080" };
    expect((await world.start("b", told)).auraedAddress).toBe("[2001:db8::1]:8080");
  });

  test("refuses one that runs, or is being started", async () => {
    const vm = await world.start("a");
    expect(await errorOf(vm.start())).toBe(
      "failed_precondition: vm 'a' could not be started: Virtual machine already running",
    );
    const other = world.allocate("b");
    const first = other.start();
    expect(await errorOf(other.start())).toBe(
      "failed_precondition: vm 'b' could not be started: Virtual machine is being started already",
    );
    await first;
  });

  test("tells why this host can't, with nothing left behind", async () => {
    world.host.problem = "there is no /dev/kvm; load kvm-intel or kvm-amd";
    const vm = world.allocate("a");
    expect(await errorOf(vm.start())).toBe(
      "failed_precondition: vm 'a' could not be started: there is no /dev/kvm; load kvm-intel or kvm-amd",
    );
    expect(await world.stateOf("a")).toBe("created");
    expect(world.left).toEqual([]);
  });

  test("undoes all that was made when a step fails, and can be tried again", async () => {
    const vm = world.allocate("a", { nics: [nic(), nic()], balloonMb: 1 });
    for (const step of ["create", "setBalloon", "run"] as const) {
      world.host.failing.set(step, new AuraeError("resource_exhausted", `no ${step}`));
      expect(await errorOf(vm.start())).toBe(
        `resource_exhausted: vm 'a' could not be started: no ${step}`,
      );
      expect(world.left).toEqual([]);
      expect([await world.stateOf("a"), world.state.load().vms[0]?.state]).toEqual([
        "created",
        "idle",
      ]);
    }
    world.networks.isFailing = true;
    expect(await errorOf(vm.start())).toContain("there is no bridge");
    expect(world.left).toEqual([]);
    await vm.start();
    expect(await world.stateOf("a")).toBe("running");
  });

  test("refuses a drive that another one writes to, but not one that all only read", async () => {
    await world.start("a", { drives: [drive("/root.img")] });
    const reader = world.allocate("b", { drives: [drive("/root.img", true)] });
    expect(await errorOf(reader.start())).toStartWith(
      `failed_precondition: vm 'b' could not be started: the drive "/root.img" is in use by vm 'a'`,
    );
    await world.vms.free("a", FORCE);
    await reader.start();
    await world.start("c", { drives: [drive("/root.img", true)] });
    const writer = world.allocate("d", { drives: [drive("/root.img")] });
    expect(await errorOf(writer.start())).toContain("in use by vm");
  });

  test("keeps the output of all its lives, and begins anew with the id", async () => {
    const vm = await world.start("a");
    world.host.guest("a").console.push("login: ");
    world.host.guest("a").serial.push("boot");
    await until("the output", () => world.outputs.get("a")?.[0]?.texts.stdout === "login: ");
    await vm.stop(FORCE);
    expect(world.outputs.get("a")?.[0]).toMatchObject({
      ...{ texts: { stdout: "login: ", stderr: "boot" }, isClosed: true },
    });
    await vm.start();
    expect(world.outputs.get("a")?.length).toBe(2);
    await world.vms.free("a", FORCE);
    await world.start("a");
    expect(world.outputs.get("a")?.length).toBe(1);
  });
});

describe("Vm.stop", () => {
  test("presses the power button, and can be started again", async () => {
    const vm = await world.start("a");
    const guest = world.host.guest("a");
    expect(await vm.stop(GENTLY)).toMatchObject({ kind: "off" });
    expect(guest.buttonPresses).toBe(1);
    expect(await world.stateOf("a")).toBe("shutdown");
    expect(world.left).toEqual([]);
    await vm.start();
    expect(await world.stateOf("a")).toBe("running");
    expect(world.kinds("a")).toEqual(["allocated", "started", "stopping", "ended", "started"]);
  });

  test("wakes a paused guest, which could not hear it", async () => {
    const vm = await world.start("a");
    await vm.pause();
    expect(await vm.stop(GENTLY)).toMatchObject({ kind: "off" });
  });

  test("ends by force after the grace period, at once when told to, and sooner when told again", async () => {
    const vm = await world.start("a");
    world.host.guest("a").hearsButton = false;
    expect(await vm.stop({ graceMs: 20, isForced: false })).toMatchObject({
      ...{ kind: "killed", message: "it did not end within 20 ms" },
    });
    await vm.start();
    const guest = world.host.guest("a");
    guest.hearsButton = false;
    const slow = vm.stop(GENTLY);
    await until("the button", () => guest.buttonPresses === 1);
    expect(await vm.stop(FORCE)).toMatchObject({
      kind: "killed",
      message: "it was ended by force",
    });
    expect(await slow).toMatchObject({ kind: "killed" });
    await vm.start();
    expect(await vm.stop(FORCE)).toMatchObject({ kind: "killed" });
    expect(world.host.guests.size).toBe(0);
  });

  test("ends one by force whose monitor can't press the button", async () => {
    const vm = await world.start("a");
    world.host.failing.set("powerButton", new AuraeError("unavailable", "no answer"));
    expect(await vm.stop(GENTLY)).toMatchObject({
      ...{ kind: "killed", message: "its power button could not be pressed: no answer" },
    });
  });

  test("refuses one that does not run, and says which way", async () => {
    const vm = world.allocate("a");
    expect(await errorOf(vm.stop(GENTLY))).toBe(
      "failed_precondition: vm 'a' could not be stopped: Virtual machine is not running; start it",
    );
    await vm.start();
    await vm.stop(FORCE);
    expect(await errorOf(vm.stop(GENTLY))).toBe(
      "failed_precondition: vm 'a' could not be stopped: Virtual machine already stopped",
    );
  });

  test("waits for a start that is under way", async () => {
    const gate = Promise.withResolvers<void>();
    world.host.gate = gate.promise;
    const vm = world.allocate("a");
    const started = vm.start();
    const stopped = vm.stop(GENTLY);
    gate.resolve();
    await started;
    expect(await stopped).toMatchObject({ kind: "off" });
  });

  test("tells what can't be killed, which stays, and can be tried again", async () => {
    const vm = await world.start("a");
    world.host.failing.set("kill", new AuraeError("internal", "it did not end of SIGKILL"));
    expect(await errorOf(vm.stop(FORCE))).toBe(
      "internal: vm 'a' could not be stopped: it did not end of SIGKILL",
    );
    expect(await world.stateOf("a")).toBe("running");
    expect(await vm.stop(FORCE)).toMatchObject({ kind: "killed" });
  });
});

describe("Vms.free", () => {
  test("ends what runs, and forgets what was never started", async () => {
    await world.start("a");
    world.allocate("b");
    await world.vms.free("a", GENTLY);
    await world.vms.free("b", GENTLY);
    expect(world.left).toEqual([]);
    expect([world.vms.all, world.state.load().vms]).toEqual([[], []]);
    expect(world.kinds("a")).toEqual(["allocated", "started", "stopping", "ended", "freed"]);
    expect(world.kinds("b")).toEqual(["allocated", "freed"]);
    expect(await errorOf(world.vms.free("a", GENTLY))).toBe(
      "not_found: vm 'a' could not be freed: Virtual machine with ID 'a' not found",
    );
  });

  test("happens once, for all who want it, and refuses a start meanwhile", async () => {
    const vm = await world.start("a");
    world.host.guest("a").hearsButton = false;
    const first = world.vms.free("a", GENTLY);
    expect(await errorOf(vm.start())).toContain("Virtual machine is being freed");
    await Promise.all([first, world.vms.free("a", FORCE)]);
    expect(world.vms.all).toEqual([]);
  });

  test("leaves one that can't be killed as it is", async () => {
    await world.start("a");
    world.host.failing.set("kill", new AuraeError("internal", "no"));
    expect(await errorOf(world.vms.free("a", FORCE))).toBe(
      "internal: vm 'a' could not be freed: no",
    );
    expect([await world.stateOf("a"), world.state.load().vms[0]?.state]).toEqual([
      "running",
      "live",
    ]);
    await world.vms.free("a", FORCE);
    expect(world.vms.all).toEqual([]);
  });

  test("of all gives each its time, and logs what fails", async () => {
    await world.start("a");
    await world.start("b");
    world.host.guest("b").hearsButton = false;
    world.allocate("c");
    await world.vms.freeAll(10);
    expect(world.vms.all).toEqual([]);
    expect(world.left).toEqual([]);
  });
});
