/** `aer vm …` against a server whose monitors are in memory. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { recentLog } from "../../src/base/log.ts";
import { OutputStore } from "../../src/domain/output/output-store.ts";
import { StoredOutputs } from "../../src/domain/output/stored-outputs.ts";
import { createObserveService } from "../../src/service/observe/handler.ts";
import { createVmsHandler } from "../../src/service/vms/handler.ts";
import { eventually } from "../harness/eventually.ts";
import { FakeHost } from "../harness/fake-host.ts";
import { VmsWorld } from "../harness/vms-world.ts";
import { AerFixture, type AerOptions } from "./aer-fixture.ts";

let fixture: AerFixture;
let world: VmsWorld;
let store: OutputStore;
let host: FakeHost;
let round = 0;

beforeAll(async () => {
  const sources = {
    byName: () => undefined,
    byPid: () => undefined,
    byVm: (id: string) => store.byVm(id),
  };
  fixture = await AerFixture.start({
    vms: createVmsHandler(async () => world.vms),
    observe: createObserveService(sources, recentLog),
  });
});
afterAll(async () => await fixture[Symbol.asyncDispose]());

beforeEach(() => {
  round += 1;
  world = new VmsWorld();
  store = new OutputStore({ root: join(fixture.server.directory, `output-${round}`) });
  world.stored = new StoredOutputs(store);
  host = new FakeHost();
});
afterEach(async () => {
  await world.vms.freeAll(0);
  expect([host.isRaw, host.listeners]).toEqual([false, 0]);
});

const aer = (words: string, options: AerOptions = {}) =>
  fixture.aer(["vm", ...words.split(" ")], { host, ...options });

const MACHINE = "--kernel-img-path /vmlinuz --initrd /initrd --kernel-args console=hvc0";

async function start(): Promise<void> {
  expect(await aer(`allocate a ${MACHINE}`)).toEqual({ code: 0, stdout: "vm_id  a\n", stderr: "" });
  expect(await aer("start a")).toMatchObject({ code: 0 });
}

describe("aer vm", () => {
  test("allocates with short flags, starts, lists, stops and frees", async () => {
    const more = "--initrd /site --nic-mac 02:00:00:00:00:01 --nic-mac 02:00:00:00:00:02";
    await aer(`allocate a ${MACHINE} ${more} --vcpu-count 2 --balloon-mb 8`);
    const { stdout } = await aer("start a");
    const guest = world.host.guest("a");
    expect(stdout).toBe(
      `auraed_address  ${world.vms.all[0]?.auraedAddress}\nhost_pid        ${guest.record.pid}\n`,
    );
    expect(guest.spec.initrdPaths).toEqual(["/initrd", "/site"]);
    expect(guest.spec.nics.map(({ mac }) => mac)).toEqual([
      ...["02:00:00:00:00:01", "02:00:00:00:00:02"],
    ]);
    expect((await aer("list")).stdout).toMatch(
      /^ID {2}STATUS .*\na {3}Running {2}\d+ {2}2 {6}512M \(-8M\) {2}\[fe80::2%\d+\]:8080 {2}\/vmlinuz\n$/,
    );
    expect(await aer("stop a")).toEqual({ code: 0, stdout: "off\n", stderr: "" });
    expect((await aer("list")).stdout).toContain("a   Shutdown (off)");
    expect((await aer("inspect a")).stdout).toContain("kernel_args      console=hvc0\n");
    expect(await aer("free a")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await aer("free a")).toEqual({
      code: 3,
      stdout: "",
      stderr:
        "aer: vm free: not found: vm 'a' could not be freed: Virtual machine with ID 'a' not found\n",
    });
  });

  test("takes the flags of the original's client", async () => {
    const words =
      "--machine-mem-size-mb 1024 --machine-kernel-img-path /k --root-drive-path /r --root-drive-readonly --drive-mount-path /d --drive-mount-vm-path /m";
    expect(await aer(`allocate a ${words}`)).toMatchObject({ code: 0 });
    expect(world.vms.all[0]?.spec).toMatchObject({
      ...{ memoryMb: 1024, kernelPath: "/k", hasRootDrive: true },
      drives: [
        { path: "/r", isReadOnly: true },
        { path: "/d", mountPath: "/m", isReadOnly: false },
      ],
    });
  });

  test("tells all that is wrong with a machine", async () => {
    const { code, stderr } = await aer("allocate a --kernel-img-path k --vcpu-count 33");
    expect(code).toBe(5);
    expect(stderr).toContain("machine.kernel_img_path: must be an absolute path");
    expect(stderr).toContain("machine.vcpu_count: must be");
  });

  test("pauses, resumes, snapshots, restores, and waits with an exit code", async () => {
    await start();
    await aer("pause a");
    expect((await aer("list")).stdout).toContain("Paused");
    await aer("resume a");
    const path = join(fixture.server.directory, `snapshot-${round}`);
    expect(await aer(`snapshot a ${path}`)).toMatchObject({ code: 0, stdout: "11 written\n" });
    expect(await aer(`restore b ${path} --paused`)).toMatchObject({ code: 0 });
    expect(world.host.guest("b").state).toBe("created");
    const waiting = aer("wait a");
    await Bun.sleep(0);
    world.host.guest("a").finish("crash", "triple fault");
    expect(await waiting).toEqual({ code: 1, stdout: "crashed: triple fault\n", stderr: "" });
    world.host.guest("b").finish("off");
    await eventually("its end", () => world.vms.find("b", "inspected").ending !== undefined);
    expect(await aer("wait b")).toEqual({ code: 0, stdout: "off\n", stderr: "" });
  });

  test("follows events, a line each", async () => {
    await start();
    const over = new AbortController();
    const { stdout } = await aer("events --after-sequence 0", {
      signal: over.signal,
      onStdout: (text) => (text.includes("started") ? over.abort() : undefined),
    });
    expect(stdout).toMatch(/^\S+Z {2}1 {2}a {2}allocated\n\S+Z {2}2 {2}a {2}started {2}pid \d+\n/);
  });
});

describe("aer vm logs", () => {
  test("writes what the ports have printed, all or one of them, also of a machine that is gone", async () => {
    await start();
    world.host.guest("a").console.push("login: ");
    world.host.guest("a").serial.push("boot\n");
    await eventually("the output", async () => (await aer("logs a")).stdout.length === 12);
    expect((await aer("logs a --stream serial")).stdout).toBe("boot\n");
    await aer("free a --force");
    expect((await aer("logs a --stream console")).stdout).toBe("login: ");
    expect(await aer("logs b")).toMatchObject({ code: 3, stdout: "" });
  });

  test("goes on with -f until the machine ends, with the time of each line if wanted", async () => {
    await start();
    const following = aer("logs -f --timestamps a");
    await eventually("a reader", () => world.host.guests.size === 1);
    world.host.guest("a").console.push("one\n");
    world.host.guest("a").serial.push("two\n");
    await eventually("the output", async () => (await aer("logs a")).stdout.length === 8);
    world.host.guest("a").finish("off");
    const { code, stdout, stderr } = await following;
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.split("\n").sort().slice(1)).toEqual([
      ...[expect.stringMatching(/Z one$/), expect.stringMatching(/Z two$/)],
    ]);
  });
});

describe("aer vm console", () => {
  test("with -it puts our terminal into raw mode, tells its size, and leaves by ctrl-p ctrl-q", async () => {
    await start();
    const guest = world.host.guest("a");
    host = new FakeHost({ size: { rows: 30, columns: 100 } });
    const result = aer("console -it a");
    await eventually("raw mode", () => host.isRaw);
    host.type("ls\r");
    await eventually("the keys", () => guest.typed.console === "ls\r");
    host.resize({ rows: 31, columns: 90 });
    await eventually("the sizes", () => guest.sizes.length === 2);
    expect(guest.sizes).toEqual(["100x30", "90x31"]);
    host.type("\x10\x11");
    expect(await result).toEqual({
      ...{ code: 0, stdout: "", stderr: "aer: vm console: detached; the vm goes on\n" },
    });
    expect(guest.end).toBeUndefined();
  });

  test("without -i only looks on, and ends with the machine", async () => {
    await start();
    const guest = world.host.guest("a");
    host = FakeHost.withInput(Buffer.from("x"));
    const result = aer("console a", { onStdout: () => guest.finish("reset") });
    await eventually("it is attached", () => {
      guest.console.push("hello\n");
      return guest.end !== undefined;
    });
    const { code, stdout, stderr } = await result;
    expect([code, stderr]).toEqual([0, "aer: vm console: the vm has ended: reset\n"]);
    expect(stdout).toStartWith("hello\n");
    expect([host.wasRead, guest.typed.console]).toEqual([false, ""]);
  });

  test("refuses -t without a terminal, and a machine that does not run", async () => {
    await aer(`allocate a ${MACHINE}`);
    expect(await aer("console -it a")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("standard input is no terminal"),
    });
    expect(await aer("console a")).toMatchObject({ code: 6, stdout: "" });
  });
});

describe("aer vm attach", () => {
  test("sends standard input, to the serial port if told so", async () => {
    await start();
    const guest = world.host.guest("a");
    host = FakeHost.withInput(Buffer.from("in\x10\x11put"));
    const result = aer("attach --port serial a");
    await eventually("the input", () => guest.typed.serial === "in\x10\x11put");
    guest.finish("crash", "why");
    expect(await result).toEqual({
      ...{ code: 1, stdout: "", stderr: "aer: vm attach: the vm has ended: crashed: why\n" },
    });
  });

  test("leaves at Ctrl-C with --no-stdin, and the machine goes on", async () => {
    await start();
    const guest = world.host.guest("a");
    let isOver = false;
    const result = aer("attach --no-stdin a", {
      onStdout: () => {
        isOver = host.signal("SIGINT");
      },
    });
    await eventually("its output", () => {
      guest.console.push("x");
      return isOver;
    });
    expect(await result).toMatchObject({
      ...{ code: 130, stderr: "aer: vm attach: detached; the vm goes on\n" },
    });
    expect(guest.end).toBeUndefined();
  });
});
