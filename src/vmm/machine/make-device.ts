/** Makes the virtio devices that are no disks. What a machine does not have is not loaded. */
import { macBytes } from "../../kernel/net/mac-bytes.ts";
import { FileDescriptor } from "../../kernel/sys/fd.ts";
import { ConsoleDevice } from "../virtio/console.ts";
import { EntropyDevice } from "../virtio/entropy.ts";
import type { VsockConfig } from "../protocol/machine-config.ts";
import type { DeviceSpec } from "./device-plan.ts";
import type { MadeDevice } from "./device-thread.ts";

/** @throws {SyscallError} on a descriptor that is something else */
export async function makeDevice(spec: DeviceSpec): Promise<MadeDevice> {
  switch (spec.kind) {
    case "console": {
      const device = new ConsoleDevice(spec);
      return { device, resize: (columns, rows) => device.resize(columns, rows) };
    }
    case "entropy":
      return { device: new EntropyDevice() };
    case "net":
      return makeNet(spec);
    case "vsock":
      return makeVsock(spec);
    case "balloon":
      return makeBalloon();
    case "block":
      throw new RangeError("a disk belongs to the thread of disks");
  }
}

async function makeNet(spec: { fd: number; mac: string; mtu: number }): Promise<MadeDevice> {
  const { Tap } = await import("../../kernel/net/tap.ts");
  const { NetDevice } = await import("../virtio/net.ts");
  const port = new Tap(new FileDescriptor(spec.fd));
  const mac = macBytes(spec.mac);
  return { device: new NetDevice({ port, mac, mtu: spec.mtu }) };
}

async function makeVsock({ cid, listenFd, connectPath }: VsockConfig): Promise<MadeDevice> {
  const { connectUnix } = await import("../../kernel/net/unix-stream.ts");
  const { VsockDevice } = await import("../virtio/vsock.ts");
  const device = new VsockDevice({
    guestCid: cid,
    listener: new FileDescriptor(listenFd),
    connect: (port) => connectUnix(`${connectPath}_${port}`),
  });
  return { device };
}

async function makeBalloon(): Promise<MadeDevice> {
  const { discardMemory } = await import("../../kernel/memory/discard.ts");
  const { BalloonDevice } = await import("../virtio/balloon.ts");
  const device = new BalloonDevice({
    discard: (bytes, offset, length) => discardMemory(bytes, offset, length, false),
    deflatesOnOom: true,
  });
  return {
    device,
    setBalloon: (bytes) => {
      device.targetBytes = bytes;
    },
    balloonBytes: () => device.actualBytes,
  };
}
