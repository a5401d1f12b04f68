/** Everything that reads what others have written: each input is taken, or refused by an error of the right kind. */
import { AuraeError } from "../../src/base/errors.ts";
import {
  mountsText,
  networkText,
  parseMounts,
  parseNetwork,
} from "../../src/base/machine-files.ts";
import { monitorSpec } from "../../src/domain/vms/monitor-spec.ts";
import { checkVmSpec } from "../../src/domain/vms/vm-shape.ts";
import { BootError } from "../../src/vmm/boot/boot-error.ts";
import { loadBzImage } from "../../src/vmm/boot/bzimage.ts";
import { PT_LOAD, PT_NOTE } from "../../src/vmm/boot/elf-headers.ts";
import { loadElfKernel } from "../../src/vmm/boot/elf-kernel.ts";
import { Image } from "../../src/vmm/boot/image.ts";
import { kernelFormatOf } from "../../src/vmm/boot/kernel-format.ts";
import { HIGH_MEMORY_ADDRESS } from "../../src/vmm/memory-map.ts";
import {
  parseRequest,
  parseResult,
  parseVmmMessage,
  type Request,
  requestPacket,
  type VmmMessage,
  vmmPacket,
} from "../../src/vmm/protocol/messages.ts";
import type { MachineConfig } from "../../src/vmm/protocol/machine-config.ts";
import { ProtocolError } from "../../src/vmm/protocol/protocol-error.ts";
import { bzImage, elfFile, elfNote, guestMemory, MIB } from "../harness/boot-images.ts";
import { randomFrom } from "../harness/random.ts";
import { mutatedBytes, mutatedJson, type Random } from "./mutate.ts";
import type { FuzzTarget } from "./target.ts";

type Kind = new (...words: never[]) => Error;

/** @param read takes one input, or throws one of these errors */
export function parser(
  summary: string,
  kinds: readonly Kind[],
  read: (random: Random, input: number) => void,
): FuzzTarget {
  return {
    summary,
    run(count, seed) {
      const counts = { taken: 0, refused: 0 };
      const end = seed + count;
      for (let at = seed; at < end; at++) {
        try {
          read(randomFrom(at), at);
          counts.taken += 1;
        } catch (error) {
          if (!kinds.some((kind) => error instanceof kind)) {
            throw new Error(`seed ${at}: ${error instanceof Error ? error.stack : error}`);
          }
          counts.refused += 1;
        }
      }
      return counts;
    },
  };
}

const CONFIG: MachineConfig = {
  version: 1,
  ...{ id: "web-1", vcpus: 2, memoryBytes: 256 * MIB, kvmFd: 5, hasBalloon: true },
  boot: { kernelFd: 6, initrdFds: [7, 8], commandLine: "console=hvc0 quiet" },
  disks: [{ fd: 9, isReadOnly: true, serial: "root" }],
  nics: [{ fd: 10, mac: "52:54:00:00:00:01", mtu: 1500 }],
  vsock: { cid: 3, listenFd: 11, connectPath: "/vsock.sock" },
  console: { columns: 80, rows: 25 },
};

const REQUESTS: readonly Request[] = [
  { id: 0, method: "run", params: {} },
  { id: 1, method: "create", params: CONFIG },
  { id: 2, method: "input", params: { to: "serial", bytes: Buffer.alloc(40, 0xff) } },
  { id: 3, method: "resize", params: { columns: 80, rows: 25 } },
  { id: 4, method: "setBalloon", params: { bytes: 1 << 30 } },
];

const END = { kind: "crash", message: "a triple fault" } as const;
const STATUS = { state: "ended", runtimeMs: 1.5, firstRunAtMs: 1e12, balloonBytes: 4096, end: END };
const MESSAGES: readonly VmmMessage[] = [
  { id: 0, result: {} },
  { id: 1, result: STATUS },
  { id: 2, result: { memoryBytes: 1, writtenBytes: 1, taken: 1 } },
  { id: 3, error: { kind: "invalid_argument", message: "no" } },
  { event: "ended", end: END },
  {
    event: "log",
    level: "warn",
    message: "stopped",
    fields: { device: "block", queue: 1, is: true },
  },
];
const METHODS = ["create", "run", "status", "input", "snapshot", "quit"] as const;

/** A packet that is almost one of these. */
function packetOf(packets: readonly Uint8Array[], random: Random): Uint8Array {
  const packet = packets[random(packets.length)]!;
  return random(2) === 0
    ? mutatedBytes(packet, random)
    : Buffer.from(JSON.stringify(mutatedJson(JSON.parse(Buffer.from(packet).toString()), random)));
}

const requestPackets = REQUESTS.map(requestPacket);
const messagePackets = MESSAGES.map(vmmPacket);

/** What a monitor says goes into the daemon's log: no line of it may be forged. */
function readMessage(random: Random): void {
  const message = parseVmmMessage(packetOf(messagePackets, random));
  if ("result" in message) {
    parseResult(METHODS[random(METHODS.length)]!, message.result);
  } else if ("event" in message && message.event === "log") {
    const odd = Object.keys(message.fields).find((name) => !/^\w{1,64}$/.test(name));
    if (odd !== undefined) {
      throw new Error(`a field of the log is called ${JSON.stringify(odd)}`);
    }
  }
}

/** No byte is zero, so that a kernel in the wrong place shows. */
const code = (bytes: number) => new Uint8Array(bytes).fill(0x90);
const ELF = elfFile(2 * MIB, [
  { type: PT_LOAD, physicalAddress: 2 * MIB, bytes: code(256), memoryBytes: 8192 },
  { type: PT_LOAD, physicalAddress: 3 * MIB, bytes: code(64) },
  {
    ...{ type: PT_NOTE, physicalAddress: 0 },
    bytes: Buffer.concat([
      elfNote("GNU", 3, new Uint8Array(20)),
      elfNote("Xen", 18, new Uint8Array([0, 0, 0x20, 0])),
    ]),
  },
]);
const BZ_IMAGE = bzImage(code(2048));
const memory = guestMemory(16 * MIB);
const LOW = Buffer.alloc(HIGH_MEMORY_ADDRESS);

function readKernel(random: Random): void {
  const image = Image.ofBytes("k", mutatedBytes(random(2) === 0 ? ELF : BZ_IMAGE, random));
  const { entry } =
    kernelFormatOf(image) === "elf" ? loadElfKernel(memory, image) : loadBzImage(memory, image);
  memory.bytes(entry, 1);
  if (LOW.compare(memory.bytes(0, HIGH_MEMORY_ADDRESS)) !== 0) {
    throw new Error("the kernel is below 1 MiB, where the tables of the boot are");
  }
}

const MOUNTS = mountsText([
  { device: "/dev/vdb", path: "/data", fsType: "ext4", readOnly: true },
  { device: "/dev/vdc", path: "/var/lib/x" },
]);
const NETWORK = networkText([
  { mac: "52:54:00:00:00:01", addresses: ["192.168.248.1/31"], gateway: "192.168.248.0" },
]);

function readMachineFile(random: Random): void {
  const [text, parse] =
    random(2) === 0 ? ([MOUNTS, parseMounts] as const) : ([NETWORK, parseNetwork] as const);
  const file =
    random(2) === 0
      ? Buffer.from(mutatedBytes(Buffer.from(text), random)).toString("latin1")
      : JSON.stringify(mutatedJson(JSON.parse(text), random));
  const bad = parse(file).find((one) => one instanceof AuraeError);
  if (bad !== undefined) {
    throw bad;
  }
}

const SPEC = {
  ...{ id: "one", memoryMb: 128, vcpus: 1, kernelPath: "/k", kernelArgs: ["quiet"] },
  ...{ initrdPaths: ["/i"], hasRootDrive: false, vsockCid: 3, balloonMb: 0, auraedAddress: "" },
  drives: [{ path: "/d", isReadOnly: true, mountPath: "/data", fsType: "" }],
  nics: [{ mac: "52:54:00:00:00:01", mtu: 1500, bridge: "aurae-0" }],
  console: { columns: 80, rows: 24 },
};

/** As a snapshot's `vm.json` has it, behind its checksum. What is taken can be handed on. */
function readSpec(random: Random): void {
  monitorSpec(checkVmSpec(mutatedJson(SPEC, random)), [], undefined, undefined);
}

export const PARSER_TARGETS = {
  requests: parser(
    "the monitor's parser of what the daemon asks",
    [ProtocolError],
    (random) => void parseRequest(packetOf(requestPackets, random)),
  ),
  answers: parser("the daemon's parser of what a monitor says", [ProtocolError], readMessage),
  kernels: parser("kernels, ELF and bzImage, that are cut or changed", [BootError], readKernel),
  "machine-files": parser("mounts and addresses of a guest's site", [AuraeError], readMachineFile),
  specs: parser("what a snapshot says its machine is", [Error], readSpec),
} satisfies Readonly<Record<string, FuzzTarget>>;
