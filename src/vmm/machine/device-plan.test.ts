import { describe, expect, test } from "bun:test";
import { pipePair } from "../../../test/harness/socket-pair.ts";
import { MAX_VCPUS, VIRTIO_MMIO_MAX_DEVICES, virtioSlot } from "../memory-map.ts";
import type { MachineConfig } from "../protocol/machine-config.ts";
import { BlockDevice } from "../virtio/block.ts";
import { NetDevice } from "../virtio/net.ts";
import { VsockDevice } from "../virtio/vsock.ts";
import { planDevices, QUEUE_COUNTS } from "./device-plan.ts";
import { makeDevice } from "./make-device.ts";

const disk = (fd: number) => ({ fd, isReadOnly: false, serial: `${fd}` });
const CONFIG: MachineConfig = {
  ...{ version: 1, id: "a", vcpus: MAX_VCPUS, memoryBytes: 2 ** 28, kvmFd: 5 },
  boot: { kernelFd: 6, initrdFds: [], commandLine: "" },
  disks: [disk(7), disk(8)],
  nics: [{ fd: 9, mac: "52:54:00:00:00:01", mtu: 1500 }],
  vsock: { cid: 3, listenFd: 10, connectPath: "/v" },
  console: { columns: 80, rows: 25 },
  hasBalloon: true,
};
const FDS = { inputFd: 20, outputFd: 1 };

describe("planDevices", () => {
  test("has disks first, in a thread of their own, and each at its place", () => {
    const plan = planDevices(CONFIG, FDS);
    expect(plan.map(({ spec, thread }) => `${spec.kind} ${thread}`)).toEqual([
      ...["block disks", "block disks", "net devices", "console devices", "vsock devices"],
      ...["entropy devices", "balloon devices"],
    ]);
    expect(plan.map(({ slot }) => slot)).toEqual(plan.map((_, index) => virtioSlot(index)));
  });

  test("leaves out what a machine does not have", () => {
    const { vsock: _, ...rest } = CONFIG;
    const plan = planDevices({ ...rest, disks: [], nics: [], hasBalloon: false }, FDS);
    expect(plan.map(({ spec }) => spec.kind)).toEqual(["console", "entropy"]);
  });

  test("refuses more devices than there are interrupts", () => {
    const disks = Array.from({ length: VIRTIO_MMIO_MAX_DEVICES }, (_, i) => disk(30 + i));
    expect(() => planDevices({ ...CONFIG, disks }, FDS)).toThrow(
      "give it fewer drives or networks",
    );
  });
});

test("QUEUE_COUNTS are those of the devices", async () => {
  const storage = { sizeBytes: 512 } as ConstructorParameters<typeof BlockDevice>[0]["storage"];
  const port = { fd: 0, setOffloads: () => 0 };
  const [listener] = pipePair();
  using vsock = new VsockDevice({ guestCid: 3, listener, connect: () => -1 });
  const console = await makeDevice({ kind: "console", ...FDS, columns: 0, rows: 0 });
  const counts = {
    block: new BlockDevice({ storage, isReadOnly: true, serial: "" }).queueSizes.length,
    net: new NetDevice({ port, mac: new Uint8Array(6) }).queueSizes.length,
    console: console.device.queueSizes.length,
    vsock: vsock.queueSizes.length,
    entropy: (await makeDevice({ kind: "entropy" })).device.queueSizes.length,
    balloon: (await makeDevice({ kind: "balloon" })).device.queueSizes.length,
  };
  expect(counts).toEqual(QUEUE_COUNTS);
});
