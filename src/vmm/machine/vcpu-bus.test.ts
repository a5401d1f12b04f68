import { describe, expect, test } from "bun:test";
import { AccessMailbox } from "./access-mailbox.ts";
import { VcpuBus } from "./vcpu-bus.ts";

const VIRTIO = 0xd000_0000;

function busFor() {
  const seen: string[] = [];
  const mailboxes = ["devices", "disks"].map((name) => {
    const mailbox: AccessMailbox = new AccessMailbox({
      signal: () =>
        mailbox.serve((space, isWrite, address, data) => {
          seen.push(
            `${name} ${space} ${isWrite ? "w" : "r"} ${address.toString(16)} ${data.length}`,
          );
          data.fill(0x11);
        }),
    });
    mailbox.prepareSleep();
    return mailbox;
  });
  const interruptStatus = new SharedArrayBuffer(8);
  const bus = new VcpuBus(mailboxes, { platform: 0, virtio: [1, 0], interruptStatus });
  return { bus, seen, status: new Int32Array(interruptStatus), platform: mailboxes[0]! };
}

describe("VcpuBus", () => {
  test("asks the thread that has the device", () => {
    const { bus, seen } = busFor();
    const data = new Uint8Array(4);
    bus.readPort(0x3fd, data.subarray(0, 1));
    bus.writePort(0x600, data.subarray(0, 1));
    bus.readMemory(VIRTIO, data);
    bus.writeMemory(VIRTIO + 0x1070, data);
    expect(seen).toEqual([
      "devices port r 3fd 1",
      "devices port w 600 1",
      "disks mmio r d0000000 4",
      "devices mmio w d0001070 4",
    ]);
  });

  test("answers for the serial port's status, and posts what is sent, for as long as the port lets it", () => {
    const { bus, seen, platform } = busFor();
    const data = Uint8Array.of(0x41);
    bus.writePort(0x3f8, data);
    expect(seen).toEqual(["devices port w 3f8 1"]);
    platform.serialStatus = 0x61;
    platform.endSleep();
    bus.readPort(0x3fd, data);
    expect(data[0]).toBe(0x61);
    bus.writePort(0x3f8, data);
    expect(seen.length).toBe(1);
    expect(platform.serve(() => undefined)).toBe(true);
  });

  test("answers for interrupts by itself", () => {
    const { bus, seen, status } = busFor();
    const data = new Uint8Array(4);
    status[1] = 3;
    bus.readMemory(VIRTIO + 0x1060, data);
    expect([...data]).toEqual([3, 0, 0, 0]);
    bus.writeMemory(VIRTIO + 0x1064, Uint8Array.of(1, 0, 0, 0));
    expect([...status]).toEqual([0, 2]);
    expect(seen).toEqual([]);
  });

  test("reads ones where nobody is, and asks nobody", () => {
    const { bus, seen } = busFor();
    for (const address of [0xc000_0000, VIRTIO - 4, VIRTIO + 0x2000, VIRTIO + 0xffe, 2 ** 52 - 8]) {
      const data = new Uint8Array(4);
      bus.readMemory(address, data);
      bus.writeMemory(address, data);
      expect([...data]).toEqual([0xff, 0xff, 0xff, 0xff]);
    }
    for (const port of [0x80, 0xcf8, 0x603, 0xffff]) {
      const data = new Uint8Array(2);
      bus.readPort(port, data);
      bus.writePort(port, data);
      expect([...data]).toEqual([0xff, 0xff]);
    }
    expect(seen).toEqual([]);
  });

  test("refuses a thread that is not there", () => {
    const interruptStatus = new SharedArrayBuffer(4);
    expect(() => new VcpuBus([], { platform: 0, virtio: [], interruptStatus })).toThrow(
      "no device thread 0",
    );
  });
});
