import { describe, expect, test } from "bun:test";
import { randomFrom } from "../../../test/harness/random.ts";
import { MAX_VCPUS, VIRTIO_MMIO_MAX_DEVICES } from "../memory-map.ts";
import {
  descriptorsOf,
  MOST_VCPUS,
  type MachineConfig,
  parseMachineConfig,
} from "./machine-config.ts";
import { ProtocolError } from "./protocol-error.ts";

const CONFIG: MachineConfig = {
  version: 1,
  id: "web-1",
  vcpus: 2,
  memoryBytes: 256 * 1024 * 1024,
  kvmFd: 5,
  boot: { kernelFd: 6, initrdFds: [7, 8], commandLine: "console=hvc0 quiet" },
  disks: [{ fd: 9, isReadOnly: true, serial: "root" }],
  nics: [{ fd: 10, mac: "52:54:00:00:00:01", mtu: 1500 }],
  vsock: { cid: 3, listenFd: 11, connectPath: "/vsock.sock" },
  console: { columns: 80, rows: 25 },
  hasBalloon: true,
};

/** As it comes through the socket. */
const copy = (): Record<string, unknown> => JSON.parse(JSON.stringify(CONFIG));

describe("parseMachineConfig", () => {
  test("answers with what it was given", () => {
    expect(parseMachineConfig(copy())).toEqual(CONFIG);
    const { vsock: _, ...small } = copy();
    expect(parseMachineConfig({ ...small, disks: [], nics: [] })).not.toHaveProperty("vsock");
    const boot = { snapshot: { stateFd: 6, memoryFd: 7 } };
    expect(parseMachineConfig({ ...copy(), boot }).boot).toEqual(boot);
  });

  test.each<[Record<string, unknown>, string]>([
    [{ version: 2 }, "config.version is 2; it must be a whole number from 1 to 1"],
    [{ id: "a/b" }, 'config.id is "a/b"; it must be 1 to 128 letters, digits and marks of _.:@-'],
    [{ vcpus: 0 }, "config.vcpus is 0; it must be a whole number from 1 to 32"],
    [{ vcpus: 1000 }, "config.vcpus is 1000; it must be a whole number from 1 to 32"],
    [{ vcpus: 1.5 }, "config.vcpus is 1.5; it must be a whole number from 1 to 32"],
    [{ memoryBytes: 0 }, "config.memoryBytes is 0; it must be a whole number from 4096 to"],
    [{ memoryBytes: 2 ** 60 }, "config.memoryBytes is 11529215046068"],
    [{ memoryBytes: 5000 }, "config.memoryBytes is 5000; it must be a multiple of 4096"],
    [{ kvmFd: 3 }, "config.kvmFd is 3; it must be a whole number from 5 to"],
    [{ kvmFd: undefined }, "config.kvmFd is missing"],
    [{ boot: null }, "config.boot is null, and not an object"],
    [{ boot: { kernelFd: 6, commandLine: "" } }, "config.boot.initrdFds is missing"],
    [
      { boot: { kernelFd: 6, initrdFds: [7, "8"], commandLine: "" } },
      'config.boot.initrdFds.1 is "8"',
    ],
    [
      { boot: { snapshot: { stateFd: 6, memoryFd: 7 }, kernelFd: 8 } },
      'config.boot has no field "kernelFd"',
    ],
    [{ disks: [{ fd: 9, isReadOnly: 1, serial: "" }] }, "config.disks[0].isReadOnly is 1"],
    [
      { disks: [{ fd: 9, isReadOnly: true, serial: "a\n" }] },
      'config.disks[0].serial is "a\\n"; it must be at most 20 printable ASCII characters',
    ],
    [
      { nics: [{ fd: 10, mac: "53:54:00:00:00:01", mtu: 1500 }] },
      'config.nics[0].mac is "53:54:00:00:00:01"; it must be a unicast address',
    ],
    [{ nics: [{ fd: 10, mac: "52:54:00:00:00:01", mtu: 1 }] }, "config.nics[0].mtu is 1"],
    [{ vsock: { cid: 2, listenFd: 11, connectPath: "/a" } }, "config.vsock.cid is 2"],
    [
      { vsock: { cid: 3, listenFd: 11, connectPath: `/${"é".repeat(60)}` } },
      "the path of the vsock has 121 bytes",
    ],
    [{ console: { columns: 80 } }, "config.console.rows is missing"],
    [{ hasBalloon: "yes" }, 'config.hasBalloon is "yes"; it must be true or false'],
    [{ ballon: true }, 'config has no field "ballon"'],
    [{ kvmFd: 6 }, "config has descriptor 6 twice"],
  ])("refuses %j", (change, message) => {
    expect(() => parseMachineConfig({ ...copy(), ...change })).toThrow(ProtocolError);
    expect(() => parseMachineConfig({ ...copy(), ...change })).toThrow(message);
  });

  test("has the bounds of the machine", () => {
    expect(MOST_VCPUS).toBe(MAX_VCPUS);
    const disk = (fd: number) => ({ fd, isReadOnly: true, serial: "" });
    const disks = Array.from({ length: VIRTIO_MMIO_MAX_DEVICES + 1 }, (_, i) => disk(20 + i));
    expect(() => parseMachineConfig({ ...copy(), disks })).toThrow("a list of up to 17");
  });

  test("descriptorsOf names every descriptor", () => {
    expect(descriptorsOf(CONFIG)).toEqual([5, 6, 7, 8, 9, 10, 11]);
  });
});

const EDGES = [null, -1, 0, 2 ** 53, "", "x".repeat(5000), [], {}, [[]], true, Number.NaN];

/** Changes one value somewhere inside, or takes it away, or adds one. */
function mutated(value: unknown, random: (below: number) => number): unknown {
  if (typeof value !== "object" || value === null || random(4) === 0) {
    return EDGES[random(EDGES.length)];
  }
  const keys = Object.keys(value);
  const key = keys[random(keys.length)];
  if (key === undefined || random(8) === 0) {
    return { ...value, surplus: EDGES[random(EDGES.length)] };
  }
  const inner = mutated((value as Record<string, unknown>)[key], random);
  return Array.isArray(value)
    ? value.with(Number(key), inner)
    : random(8) === 0
      ? Object.fromEntries(Object.entries(value).filter(([name]) => name !== key))
      : { ...value, [key]: inner };
}

test("parseMachineConfig either refuses with a short text, or answers with the very same", () => {
  const random = randomFrom(7);
  let [taken, refused] = [0, 0];
  for (let i = 0; i < 20_000; i++) {
    const value = JSON.parse(JSON.stringify(mutated(copy(), random)) ?? "null");
    try {
      expect(parseMachineConfig(value)).toEqual(value);
      taken += 1;
    } catch (error) {
      if (!(error instanceof ProtocolError)) {
        throw error;
      }
      expect(error.message.length).toBeLessThan(300);
      refused += 1;
    }
  }
  expect(Math.min(taken, refused)).toBeGreaterThan(100);
});
