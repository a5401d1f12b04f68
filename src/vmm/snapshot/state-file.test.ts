import { expect, test } from "bun:test";
import { randomFrom } from "../../../test/harness/random.ts";
import {
  type MachineShape,
  type MachineState,
  plainOfState,
  stateOfPlain,
} from "./machine-state.ts";
import { StateError } from "../virtio/state.ts";
import { packState, unpackState } from "./state-file.ts";

const part = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7) & 0xff);
const SHAPE: MachineShape = { vcpus: 1, memoryBytes: 2 ** 26, devices: ["console", "entropy"] };
const STATE: MachineState = {
  shape: SHAPE,
  platform: {
    "pic-master": part(10),
    "pic-slave": part(11),
    ioapic: part(520),
    pit: part(112),
    clock: part(48),
  },
  vcpus: [
    {
      "mp-state": part(4),
      regs: part(144),
      sregs: part(312),
      xcrs: part(392),
      debugregs: part(128),
      lapic: part(1024),
      xsave: part(4096),
      events: part(64),
      tscKhz: 2_445_466,
      msrs: [
        { index: 0x10, value: 2n ** 64n - 1n },
        { index: 0xc000_0102, value: 0n },
      ],
      cpuid: [
        { function: 0x8000_0001, index: 0, flags: 1, eax: 0xffff_ffff, ebx: 0, ecx: 1, edx: 2 },
      ],
    },
  ],
  threads: new Map([["devices", { virtio: { 0: { version: 1 } }, platform: null }]]),
};

const plain = (): Record<string, unknown> => unpackState(packState(plainOfState(STATE))) as never;

test("a state comes back from its file as it was", () => {
  expect(stateOfPlain(plain(), SHAPE)).toEqual(STATE);
});

test("unpackState refuses a file of which any bit is another", () => {
  const random = randomFrom(5);
  const file = packState(plainOfState(STATE));
  for (let i = 0; i < 2000; i++) {
    const bad = file.slice();
    const at = random(bad.length);
    bad[at]! ^= 1 << random(8);
    expect(() => unpackState(bad)).toThrow("the snapshot's state");
    expect(() => unpackState(file.subarray(0, at))).toThrow("the snapshot's state");
  }
});

test("unpackState refuses what is no JSON, although its checksum is right", () => {
  const body = Buffer.from('{"shape":');
  const checksum = new Bun.CryptoHasher("sha256").update(body).digest("hex");
  const head = Buffer.from(`auraed-vm-state 1 ${body.length} ${checksum}\n`);
  expect(() => unpackState(Buffer.concat([head, body]))).toThrow(StateError);
});

test("stateOfPlain refuses a machine of another shape", () => {
  for (const change of [{ vcpus: 2 }, { memoryBytes: 4096 }, { devices: ["console"] }]) {
    expect(() => stateOfPlain(plain(), { ...SHAPE, ...change })).toThrow(
      "of a machine with 1 vCPUs, 67108864 bytes of memory and the devices console, entropy",
    );
  }
});

test.each<[Record<string, unknown>, string]>([
  [{ platform: {} }, "snapshot.platform.pic-master is missing"],
  [{ vcpus: [1] }, "snapshot.vcpus[0] is 1, and not an object"],
  [{ vcpus: [{}, {}] }, "snapshot.vcpus is"],
  [{ threads: [{ name: "devices" }] }, "snapshot.threads[0].state is missing"],
  [{ threads: [{ name: "devices", state: "{" }] }, 'state of the thread "devices" is no JSON'],
  [{ more: 1 }, 'snapshot has no field "more"'],
])("stateOfPlain refuses %j", (change, message) => {
  expect(() => stateOfPlain({ ...plain(), ...change }, SHAPE)).toThrow(message);
});
