/** Snapshots of somebody who knows their form: the state is refused, or taken up by devices that go on to work. */
import { Rtc } from "../../src/vmm/devices/rtc.ts";
import { Serial } from "../../src/vmm/devices/serial.ts";
import { GuestMemoryError } from "../../src/vmm/memory/guest-memory.ts";
import {
  type MachineShape,
  plainOfState,
  stateOfPlain,
} from "../../src/vmm/snapshot/machine-state.ts";
import { packState, unpackState } from "../../src/vmm/snapshot/state-file.ts";
import { ProtocolError } from "../../src/vmm/protocol/protocol-error.ts";
import { BalloonDevice } from "../../src/vmm/virtio/balloon.ts";
import type { VirtioDevice } from "../../src/vmm/virtio/device.ts";
import { EntropyDevice } from "../../src/vmm/virtio/entropy.ts";
import { VirtioFault } from "../../src/vmm/virtio/fault.ts";
import { NetDevice } from "../../src/vmm/virtio/net.ts";
import { StateError } from "../../src/vmm/virtio/state.ts";
import { EchoDevice } from "../harness/virtio-echo.ts";
import { VirtioGuest } from "../harness/virtio-driver.ts";
import { mutatedBytes, mutatedJson, type Random } from "./mutate.ts";
import { parser } from "./parser-targets.ts";
import type { FuzzTarget } from "./target.ts";

const part = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7) & 0xff);
const SHAPE: MachineShape = { vcpus: 1, memoryBytes: 2 ** 26, devices: ["console", "entropy"] };
const PLAIN = JSON.parse(
  JSON.stringify(
    plainOfState({
      shape: SHAPE,
      platform: {
        ...{ "pic-master": part(10), "pic-slave": part(11), ioapic: part(520) },
        ...{ pit: part(112), clock: part(48) },
      },
      vcpus: [
        {
          ...{ "mp-state": part(4), regs: part(144), sregs: part(312), xcrs: part(392) },
          ...{ debugregs: part(128), lapic: part(1024), xsave: part(4096), events: part(64) },
          tscKhz: 2_445_466,
          msrs: [{ index: 0x10, value: 2n ** 64n - 1n }],
          cpuid: [{ function: 1, index: 0, flags: 1, eax: 1, ebx: 0, ecx: 1, edx: 2 }],
        },
      ],
      threads: new Map([["devices", { virtio: { 0: { version: 1 } }, platform: null }]]),
    }),
  ),
);
const FILE = packState(PLAIN);

function readState(random: Random): void {
  const plain =
    random(4) === 0 ? unpackState(mutatedBytes(FILE, random)) : mutatedJson(PLAIN, random);
  stateOfPlain(plain, SHAPE);
}

const DEVICES: readonly (() => VirtioDevice)[] = [
  () => new EchoDevice(),
  () => new EntropyDevice(),
  () => new BalloonDevice({ discard: () => 0, deflatesOnOom: false }),
  () => new NetDevice({ port: { fd: -1, setOffloads: () => 0 }, mac: new Uint8Array(6) }),
];
/** Each has been started, and keeps its memory for the next one that is restored. */
const STARTED = DEVICES.map((device) => {
  const guest = new VirtioGuest(device(), { regionBytes: 256 * 1024, isOneRegion: true }).start();
  return { guest, state: JSON.parse(JSON.stringify(guest.transport.save())) as unknown };
});

function restoreDevice(random: Random): void {
  const { guest, state } = STARTED[random(STARTED.length)]!;
  guest.faults.length = 0;
  guest.transport.restore(mutatedJson(state, random));
  for (const queue of guest.queues.keys()) {
    guest.drain(queue);
  }
  const strange = guest.faults.find(
    (fault) => !(fault instanceof VirtioFault || fault instanceof GuestMemoryError),
  );
  if (strange !== undefined) {
    throw new Error(`a device that was restored failed: ${(strange as Error).stack}`);
  }
}

const quiet = {
  interrupt: { trigger: () => undefined },
  output: () => undefined,
  inputWanted: () => undefined,
};
const SERIAL = JSON.parse(JSON.stringify(new Serial(quiet).save())) as unknown;
const RTC = JSON.parse(JSON.stringify(new Rtc().save())) as unknown;

function restorePlatform(random: Random): void {
  const [device, state] =
    random(2) === 0 ? ([new Serial(quiet), SERIAL] as const) : ([new Rtc(), RTC] as const);
  device.restore(mutatedJson(state, random));
  const data = new Uint8Array(1);
  for (let i = 0; i < 8; i++) {
    device.read(i, data);
    device.write(random(8), Uint8Array.of(random(256)));
  }
}

export const STATE_TARGETS = {
  states: parser("states of machines", [StateError, ProtocolError], readState),
  "device-states": parser(
    "states of virtio devices",
    [StateError, VirtioFault, GuestMemoryError],
    restoreDevice,
  ),
  "platform-states": parser("states of serial port and clock", [StateError], restorePlatform),
} satisfies Readonly<Record<string, FuzzTarget>>;
