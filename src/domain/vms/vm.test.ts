import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { until } from "../../../test/harness/cells-world.ts";
import { askedVm, errorOf, VmsWorld } from "../../../test/harness/vms-world.ts";
import { AuraeError } from "../../base/errors.ts";
import { setLogSink } from "../../base/log.ts";

let world: VmsWorld;
let logged: string[];
let unlog: () => void;

beforeEach(() => {
  logged = [];
  unlog = setLogSink((line) => logged.push(line));
  world = new VmsWorld();
});

afterEach(() => unlog());

describe("a guest that ends by itself", () => {
  test("is seen, however that is, and leaves nothing behind", async () => {
    const vm = await world.start("a");
    for (const kind of ["off", "reset", "crash", "failed"] as const) {
      const waiting = vm.wait();
      world.host.guest("a").finish(kind, "why");
      expect(await waiting).toMatchObject({ kind, message: "why" });
      expect(await world.stateOf("a")).toBe("shutdown");
      expect(vm.ending?.endedMs).toBeNumber();
      expect(world.left).toEqual([]);
      await vm.start();
    }
    expect(logged.filter((line) => line.includes("ended by a fault"))).toHaveLength(2);
  });

  test("can be started again before anybody has noticed", async () => {
    const vm = await world.start("a");
    world.host.guest("a").finish("off");
    await vm.start();
    expect(await world.stateOf("a")).toBe("running");
  });

  test("fails what was asked of it meanwhile, by saying that", async () => {
    const vm = await world.start("a");
    world.host.guest("a").finish("crash", "triple fault");
    expect(await errorOf(vm.pause())).toBe(
      "failed_precondition: vm 'a' could not be paused: it has ended meanwhile: triple fault",
    );
  });
});

describe("Vm.pause, resume and update", () => {
  test("ask the monitor, and are no error when it is so already", async () => {
    const vm = await world.start("a");
    await vm.pause();
    await vm.pause();
    expect(await world.stateOf("a")).toBe("paused");
    await vm.resume();
    await vm.resume();
    expect(await world.stateOf("a")).toBe("running");
    expect(world.kinds("a").slice(2)).toEqual(["paused", "resumed"]);
  });

  test("refuse one that does not run", async () => {
    const vm = world.allocate("a");
    for (const work of [vm.pause(), vm.resume(), vm.snapshot({ statePath: "", memoryPath: "" })]) {
      expect(await errorOf(work)).toContain("failed_precondition");
    }
  });

  test("the balloon is changed at once, and kept for the next start", async () => {
    const vm = world.allocate("a");
    await vm.update({ balloonMb: 8 });
    await vm.start();
    expect(world.host.guest("a").balloonBytes).toBe(8 * 1024 * 1024);
    await vm.update({ balloonMb: 9 });
    expect(world.host.guest("a").balloonBytes).toBe(9 * 1024 * 1024);
    expect(await errorOf(vm.update({ balloonMb: 128 }))).toStartWith(
      "invalid_argument: balloon_mb: must be less than the machine's memory of 128 MiB",
    );
    world.host.failing.set("setBalloon", new AuraeError("internal", "no"));
    expect(await errorOf(vm.update({ balloonMb: 10 }))).toStartWith("internal: vm 'a'");
    expect([vm.spec.balloonMb, world.state.load().vms[0]?.spec.balloonMb]).toEqual([9, 9]);
  });

  test("a monitor that does not answer is told as such, with what was known", async () => {
    const vm = await world.start("a");
    await vm.pause();
    expect(await world.stateOf("a")).toBe("paused");
    world.host.failing.set("status", new AuraeError("unavailable", "no answer"));
    expect(await vm.status()).toEqual({ state: "paused", isUnresponsive: true, balloonBytes: 0 });
  });
});

describe("VmPort", () => {
  test("types as fast as the guest reads, into the right port", async () => {
    await world.start("a");
    const { port } = world.vms.attach("a", "console");
    const guest = world.host.guest("a");
    guest.inputRoom = 3;
    const typed = port.type(Buffer.from("hello"), new AbortController().signal);
    await until("a part", () => guest.typed.console === "hel");
    guest.inputRoom = 100;
    await typed;
    await world.vms.attach("a", "serial").port.type(Buffer.from("x"), AbortSignal.timeout(1_000));
    expect(guest.typed).toEqual({ console: "hello", serial: "x" });
    await port.resize(100, 30);
    await port.resize(0, 0);
    expect(guest.sizes).toEqual(["100x30"]);
  });

  test("gives up with its caller, and with the guest", async () => {
    await world.start("a");
    const guest = world.host.guest("a");
    guest.inputRoom = 0;
    const { port } = world.vms.attach("a", "console");
    const gone = new AbortController();
    const typed = port.type(Buffer.from("x"), gone.signal);
    gone.abort(new Error("gone"));
    expect(await errorOf(typed)).toContain("gone");
    const waiting = port.type(Buffer.from("x"), new AbortController().signal);
    guest.finish("off");
    await waiting.catch(() => undefined);
  });

  test("shows what one port prints, to those who are there", async () => {
    await world.start("a");
    const { port } = world.vms.attach("a", "serial");
    let seen = "";
    using _tap = port.tap((bytes) => (seen += Buffer.from(bytes).toString()));
    world.host.guest("a").console.push("console");
    world.host.guest("a").serial.push("serial");
    await until("the output", () => seen === "serial");
    expect(await errorOf(() => world.vms.attach("b", "console"))).toStartWith("not_found");
    world.vms.allocate(askedVm("b"));
    expect(await errorOf(() => world.vms.attach("b", "console"))).toStartWith(
      "failed_precondition: vm 'b' could not be attached to",
    );
  });
});
