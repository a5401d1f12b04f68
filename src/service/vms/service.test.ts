/** VmService over its messages: rules, errors, and what comes back; machines and their monitors are in memory. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type Client,
  Code,
  ConnectError,
  createClient,
  createRouterTransport,
} from "@connectrpc/connect";
import { until } from "../../../test/harness/cells-world.ts";
import { VmsWorld } from "../../../test/harness/vms-world.ts";
import { Channel } from "../../base/channel.ts";
import { setLogSink } from "../../base/log.ts";
import { VmEndKind, VmEventKind, VmPort } from "../../gen/aurae/vms/v0/machines_pb.ts";
import {
  type VirtualMachineSchema,
  VmService,
  type VmServiceAttachRequestSchema,
} from "../../gen/aurae/vms/v0/vms_pb.ts";
import { INTERCEPTORS } from "../routes.ts";
import { createVmsHandler } from "./handler.ts";

let world: VmsWorld;
let client: Client<typeof VmService>;
let folder: string;
let unlog: () => void;

beforeEach(() => {
  unlog = setLogSink(() => undefined);
  world = new VmsWorld();
  folder = mkdtempSync(join(tmpdir(), "vm-service-"));
  const transport = createRouterTransport(
    (router) =>
      router.service(
        VmService,
        createVmsHandler(async () => world.vms),
      ),
    { router: { interceptors: [...INTERCEPTORS] } },
  );
  client = createClient(VmService, transport);
});

afterEach(() => {
  unlog();
  rmSync(folder, { recursive: true, force: true });
});

const MACHINE: MessageInitShape<typeof VirtualMachineSchema> = {
  ...{ id: "a", memSizeMb: 512, vcpuCount: 2, kernelImgPath: "/vmlinuz" },
  ...{ kernelArgs: ["console=hvc0", "quiet"], initrdPaths: ["/initrd"] },
};

async function allocate(more: MessageInitShape<typeof VirtualMachineSchema> = {}): Promise<void> {
  await client.allocate({ machine: { ...MACHINE, ...more } as typeof MACHINE });
}

const bytes = (text: string) => new TextEncoder().encode(text);

async function errorOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "no error";
  } catch (error) {
    const { code, rawMessage } = ConnectError.from(error);
    return `${Code[code]}: ${rawMessage}`;
  }
}

describe("VmService", () => {
  test("answers as the contract does, from Allocate to Free", async () => {
    expect((await client.allocate({ machine: MACHINE })).vmId).toBe("a");
    const started = await client.start({ vmId: "a" });
    const [tap] = world.networks.taps.values();
    expect(started.auraedAddress).toBe(`[fe80::2%${tap!.ifindex}]:8080`);
    expect((await client.list({})).machines).toMatchObject([
      {
        ...{ id: "a", status: "Running", memSizeMb: 512, vcpuCount: 2, rootDirPath: "" },
        ...{ kernelImgPath: "/vmlinuz", auraedAddress: started.auraedAddress },
        ...{ hostPid: started.hostPid, vsockCid: 3, vsockPath: "/run/vms/a/vsock.sock" },
        nics: [{ tap: tap!.tap, hostAddress: "fe80::1", bridge: "" }],
      },
    ]);
    expect((await client.stop({ vmId: "a" })).end).toMatchObject({ kind: VmEndKind.OFF });
    expect((await client.list({})).machines).toMatchObject([
      ...[{ status: "Shutdown", hostPid: 0, auraedAddress: "", end: { kind: VmEndKind.OFF } }],
    ]);
    await client.free({ vmId: "a" });
    expect((await client.list({})).machines).toEqual([]);
  });

  test("names the root drive first, and gives no NIC to who wants none", async () => {
    await allocate({
      rootDrive: { imagePath: "/root.img", readOnly: true },
      driveMounts: [{ imagePath: "/data.img", vmPath: "/data", fsType: "ext4" }],
      noNics: true,
    });
    expect((await client.start({ vmId: "a" })).auraedAddress).toBe("");
    expect(world.host.guest("a").spec).toMatchObject({
      drives: [
        { path: "/root.img", isReadOnly: true },
        { path: "/data.img", isReadOnly: false },
      ],
      nics: [],
    });
    expect((await client.list({})).machines[0]?.rootDirPath).toBe("/root.img");
  });

  test("inspects what asks for the same machine again", async () => {
    await allocate({
      ...{ rootDrive: { imagePath: "/r" }, driveMounts: [{ imagePath: "/d", vmPath: "/m" }] },
      ...{ nics: [{ mac: "02:00:00:00:00:AA", mtu: 9000 }], balloonMb: 16, vsockCid: 77 },
      ...{ console: { columns: 100, rows: 0 }, outputMaxBytes: 65_536n, auraedAddress: "x:1" },
    });
    const { machine, summary } = await client.inspect({ vmId: "a" });
    expect(machine).toMatchObject({
      ...{ id: "a", memSizeMb: 512, vcpuCount: 2, kernelImgPath: "/vmlinuz" },
      ...{ kernelArgs: ["console=hvc0", "quiet"], initrdPaths: ["/initrd"] },
      ...{ rootDrive: { imagePath: "/r", readOnly: false }, noNics: false },
      driveMounts: [{ imagePath: "/d", vmPath: "/m", fsType: "", readOnly: false }],
      nics: [{ mac: "02:00:00:00:00:aa", mtu: 9000, bridge: "" }],
      ...{ console: { columns: 100, rows: 24 }, outputMaxBytes: 65_536n, auraedAddress: "x:1" },
    });
    expect(summary).toMatchObject({ status: "Created", startedAtMs: 0n });
    await client.free({ vmId: "a" });
    await client.allocate({ machine: machine! });
    expect((await client.inspect({ vmId: "a" })).machine).toEqual(machine!);
  });

  test("pauses, resumes, and changes the balloon", async () => {
    await allocate();
    await client.start({ vmId: "a" });
    await client.pause({ vmId: "a" });
    expect((await client.list({})).machines[0]?.status).toBe("Paused");
    await client.resume({ vmId: "a" });
    expect((await client.list({})).machines[0]?.status).toBe("Running");
    expect((await client.update({ vmId: "a", balloonMb: 64 })).balloonMb).toBe(64);
    expect((await client.update({ vmId: "a" })).balloonMb).toBe(64);
    // The guest gives back what it can spare, when it can.
    world.host.guest("a").balloonBytes = 48 * 1024 * 1024 + 4096;
    const [machine] = (await client.list({})).machines;
    expect([machine?.balloonMb, machine?.balloonActualMb]).toEqual([64, 48]);
  });

  test("snapshots and restores, with folders by any spelling", async () => {
    await allocate();
    await client.start({ vmId: "a" });
    const path = join(folder, "s");
    expect((await client.snapshot({ vmId: "a", path: `${folder}//x/../s/` })).writtenBytes).toBe(
      11n,
    );
    const { hostPid } = await client.restore({ vmId: "b", path, paused: true });
    expect(hostPid).toBe(world.host.guest("b").record.pid);
    const mac = "02:00:00:00:00:0b";
    await client.restore({ vmId: "c", path, nics: [{ mac }], vsockCid: 9 });
    expect((await client.list({})).machines).toMatchObject([
      { id: "a", status: "Running" },
      { id: "b", status: "Paused" },
      { id: "c", status: "Running", vsockCid: 9, nics: [{ mac }] },
    ]);
    expect(await errorOf(client.restore({ vmId: "d", path: folder }))).toStartWith("NotFound");
    expect(await errorOf(client.restore({ vmId: "d", path, drivePaths: ["x"] }))).toBe(
      "InvalidArgument: drive_paths[0]: must be an absolute path with no NUL character",
    );
  });

  test("waits for an end, also one that has come", async () => {
    await allocate();
    expect(await errorOf(client.wait({ vmId: "a" }))).toStartWith("FailedPrecondition");
    await client.start({ vmId: "a" });
    const waiting = client.wait({ vmId: "a" });
    world.host.guest("a").finish("crash", "triple fault");
    const end = { kind: VmEndKind.CRASH, message: "triple fault" };
    expect((await waiting).end).toMatchObject(end);
    expect((await client.wait({ vmId: "a" })).end).toMatchObject(end);
  });

  test("tells every change, and goes on where its reader left", async () => {
    await allocate();
    await client.start({ vmId: "a" });
    await client.free({ vmId: "a", force: true });
    await allocate({ id: "b" });
    const over = new AbortController();
    const kinds: VmEventKind[] = [];
    const ask = { afterSequence: 1n, vmId: "a" };
    for await (const { event } of client.events(ask, { signal: over.signal })) {
      kinds.push(event!.kind);
      if (event!.kind === VmEventKind.FREED) {
        break;
      }
    }
    const { STARTED, STOPPING, ENDED, FREED } = VmEventKind;
    expect(kinds).toEqual([STARTED, STOPPING, ENDED, FREED]);
  });

  test("has the right code for each error", async () => {
    for (const [work, error] of [
      [
        client.start({ vmId: "a" }),
        "NotFound: vm 'a' could not be started: Virtual machine with ID 'a' not found",
      ],
      [client.stop({ vmId: "a" }), "NotFound: vm 'a' could not be stopped"],
      [client.free({ vmId: "a" }), "NotFound: vm 'a' could not be freed"],
      [client.wait({ vmId: "a" }), "NotFound: vm 'a' could not be waited for"],
      [client.inspect({ vmId: "a" }), "NotFound: vm 'a' could not be inspected"],
    ] as const) {
      expect(await errorOf(work)).toStartWith(error);
    }
    await allocate();
    expect(await errorOf(allocate())).toStartWith("AlreadyExists: vm 'a' could not be allocated");
    expect(await errorOf(client.stop({ vmId: "a" }))).toStartWith("FailedPrecondition");
    expect(await errorOf(client.pause({ vmId: "a" }))).toStartWith("FailedPrecondition");
    world.host.problem = "there is no /dev/kvm";
    expect(await errorOf(client.start({ vmId: "a" }))).toBe(
      "FailedPrecondition: vm 'a' could not be started: there is no /dev/kvm",
    );
  });
});

describe("VmService.Allocate refuses", () => {
  const cases: readonly (readonly [string, MessageInitShape<typeof VirtualMachineSchema>])[] = [
    ["machine.id: value is required", { id: "" }],
    ["machine.id: must be 1 to 63 letters, digits and inner hyphens", { id: "a_b" }],
    ["machine.id: must be at most 63 characters", { id: "a".repeat(64) }],
    ["machine.mem_size_mb: must be greater than or equal to 1", { memSizeMb: 0 }],
    ["machine.mem_size_mb: must be", { memSizeMb: 4_294_967_295 }],
    ["machine.vcpu_count: must be", { vcpuCount: 0 }],
    ["machine.vcpu_count: must be", { vcpuCount: 1000 }],
    ["machine.kernel_img_path: value is required", { kernelImgPath: "" }],
    ["machine.kernel_img_path: must be an absolute path", { kernelImgPath: "vmlinuz" }],
    ["machine.kernel_img_path: must be an absolute path", { kernelImgPath: "/a\0b" }],
    ["machine.initrd_paths[1]: must be an absolute path", { initrdPaths: ["/a", "b"] }],
    ["machine.kernel_args[0]: must have no line break", { kernelArgs: ["a\nb"] }],
    ["machine.kernel_args[1]: must have no line break", { kernelArgs: ["a\tb", "c\x01"] }],
    ["machine.kernel_args[0]: must have no line break", { kernelArgs: ["\x7f"] }],
    [
      "machine.kernel_args: the command line has 2048 bytes, and 2047 is the most",
      { kernelArgs: ["x".repeat(2_048)] },
    ],
    [
      "machine.root_drive: vm 'a' config has no root drive specified, and no initrd either",
      { initrdPaths: [] },
    ],
    ["machine.root_drive.image_path: must be an absolute path", { rootDrive: { imagePath: "a" } }],
    [
      "machine.drive_mounts[0].vm_path: must be an absolute path",
      { driveMounts: [{ imagePath: "/a", vmPath: "b" }] },
    ],
    [
      "machine.drive_mounts[0].fs_type: must be letters",
      { driveMounts: [{ imagePath: "/a", fsType: "ext4,x" }] },
    ],
    [
      "machine.drive_mounts: drives and NICs are 14 together, and 13 is the most",
      { driveMounts: Array.from({ length: 13 }, () => ({ imagePath: "/a" })) },
    ],
    ["machine.no_nics: must be left out with nics", { noNics: true, nics: [{}] }],
    ["machine.nics[0].mac: must be a unicast MAC", { nics: [{ mac: "01:00:00:00:00:01" }] }],
    ["machine.nics[0].bridge: must be the name", { nics: [{ bridge: "a/b" }] }],
    ["machine.nics[0].mtu: must be", { nics: [{ mtu: 100 }] }],
    [
      "machine.nics[1].mac: is that of another NIC of the machine",
      { nics: [{ mac: "02:00:00:00:00:0A" }, { mac: "02:00:00:00:00:0a" }] },
    ],
    ["machine.vsock_cid: must be", { vsockCid: 2 }],
    ["machine.balloon_mb: must be less than the machine's memory of 512 MiB", { balloonMb: 512 }],
    ["machine.output_max_bytes: must be", { outputMaxBytes: 1n }],
  ];
  test.each(cases)("%s", async (message, more) => {
    expect(await errorOf(allocate(more))).toStartWith(`InvalidArgument: ${message}`);
    expect(world.vms.all).toEqual([]);
  });

  test("a request without a machine, and every bad field at once", async () => {
    expect(await errorOf(client.allocate({}))).toBe("InvalidArgument: machine: value is required");
    const text = await errorOf(allocate({ memSizeMb: 0, vcpuCount: 33, kernelImgPath: "x" }));
    expect([...text.matchAll(/machine\.\w+/g)].map(([field]) => field)).toEqual([
      ...["machine.mem_size_mb", "machine.vcpu_count", "machine.kernel_img_path"],
    ]);
  });
});

describe("VmService.Attach", () => {
  type Request = MessageInitShape<typeof VmServiceAttachRequestSchema>;

  function attach(first: Request) {
    const requests = new Channel<Request>(8);
    requests.offer(first);
    const answers = client.attach(requests)[Symbol.asyncIterator]();
    return {
      send: (message: Request["message"]) => requests.offer({ message: message! }),
      next: async () => (await answers.next()).value?.message,
      close: () => requests.close(),
    };
  }
  const start = (port = VmPort.UNSPECIFIED): Request => ({
    message: { case: "start", value: { vmId: "a", port } },
  });

  beforeEach(async () => {
    await allocate();
    await client.start({ vmId: "a" });
  });

  test("carries a port both ways, and ends with the machine", async () => {
    const guest = world.host.guest("a");
    const session = attach(start());
    expect((await session.next())?.case).toBe("attached");
    guest.console.push("login: ");
    guest.serial.push("not here");
    expect(await session.next()).toEqual({ case: "output", value: bytes("login: ") });
    session.send({ case: "input", value: bytes("root\n") });
    session.send({ case: "resize", value: { columns: 132, rows: 43 } });
    await until("the input", () => guest.typed.console === "root\n");
    await until("the size", () => guest.sizes.length === 1);
    expect(guest.sizes).toEqual(["132x43"]);
    guest.finish("off");
    expect(await session.next()).toMatchObject({ case: "end", value: { kind: VmEndKind.OFF } });
    expect(await session.next()).toBeUndefined();
  });

  test("carries the serial port, which has no size", async () => {
    const guest = world.host.guest("a");
    const session = attach(start(VmPort.SERIAL));
    await session.next();
    guest.serial.push("boot");
    expect(await session.next()).toEqual({ case: "output", value: bytes("boot") });
    session.send({ case: "resize", value: { columns: 132, rows: 43 } });
    session.send({ case: "input", value: bytes("x") });
    await until("the input", () => guest.typed.serial === "x");
    expect(guest.sizes).toEqual([]);
    session.close();
  });

  test("tells a reader that is too slow how much it missed, and never holds up the guest", async () => {
    const guest = world.host.guest("a");
    const session = attach(start());
    await session.next();
    for (let i = 0; i < 200; i++) {
      guest.console.push("0123456789");
    }
    await until("the output", () => world.outputs.get("a")?.[0]?.texts.stdout.length === 2_000);
    guest.finish("off");
    let seen = 0;
    let missed = 0;
    for (;;) {
      const message = await session.next();
      if (message?.case === "output") {
        seen += message.value.length;
      } else if (message?.case === "missedBytes") {
        missed += Number(message.value);
      } else {
        expect(message?.case).toBe("end");
        break;
      }
    }
    expect(seen).toBeLessThan(2_000);
    expect(seen + missed).toBe(2_000);
  });

  test("refuses a stream that begins otherwise, and messages that do not belong", async () => {
    const wrong = attach({ message: { case: "input", value: new Uint8Array(1) } });
    expect(await errorOf(wrong.next())).toBe(
      "InvalidArgument: start: has to be the first message of the stream",
    );
    const twice = attach(start());
    await twice.next();
    twice.send(start().message);
    expect(await errorOf(twice.next())).toBe("InvalidArgument: message: not expected here");
    await client.stop({ vmId: "a", force: true });
    expect(await errorOf(attach(start()).next())).toStartWith("FailedPrecondition");
  });
});
