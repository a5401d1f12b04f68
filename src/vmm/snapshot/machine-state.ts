/**
 * The state of a machine as plain data, for a file: KVM's structures as base64, 64-bit numbers as text. It is read back
 * field by field; what only the kernel or a device can judge, they do.
 */
import type { CpuidEntry } from "../../kernel/kvm/x86-64/cpuid.ts";
import type { Msr } from "../../kernel/kvm/x86-64/msrs.ts";
import type { PlatformState } from "../../kernel/kvm/x86-64/platform.ts";
import type { VcpuState } from "../../kernel/kvm/x86-64/vcpu-state.ts";
import { type Fields, quoted, readWhole } from "../protocol/fields.ts";
import { bigintText, StateError } from "../virtio/state.ts";

/** What has to be the same where it is restored. */
export interface MachineShape {
  readonly vcpus: number;
  readonly memoryBytes: number;
  /** Kinds of virtio devices, in their order. */
  readonly devices: readonly string[];
}

export interface MachineState {
  readonly shape: MachineShape;
  readonly platform: PlatformState;
  readonly vcpus: readonly VcpuState[];
  /** What each thread of devices has to say; for that thread to read. */
  readonly threads: ReadonlyMap<string, unknown>;
}

const MAX_PART = 64 * 1024;
const MAX_ENTRIES = 4096;
const MAX_DEVICES = 32;
const MAX_THREADS = 4;
const U32_MAX = 0xffff_ffff;

const VCPU_PARTS = [
  "mp-state",
  "regs",
  "sregs",
  "xcrs",
  "debugregs",
  "lapic",
  "xsave",
  "events",
] as const;
const PLATFORM_PARTS = ["pic-master", "pic-slave", "ioapic", "pit", "clock"] as const;

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

function plainParts<N extends string>(
  parts: Readonly<Record<N, Uint8Array>>,
  names: readonly N[],
): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, base64(parts[name])]));
}

/** As it goes into a file. */
export function plainOfState({ shape, platform, vcpus, threads }: MachineState): unknown {
  return {
    shape,
    platform: plainParts(platform, PLATFORM_PARTS),
    vcpus: vcpus.map((vcpu) => ({
      ...plainParts(vcpu, VCPU_PARTS),
      tscKhz: vcpu.tscKhz,
      msrs: vcpu.msrs.map(({ index, value }) => ({ index, value: bigintText(value) })),
      cpuid: vcpu.cpuid,
    })),
    threads: [...threads].map(([name, state]) => ({ name, state: JSON.stringify(state) })),
  };
}

function readParts<const N extends string>(fields: Fields, names: readonly N[]) {
  const parts = names.map((name) => {
    const text = fields.string(name, MAX_PART);
    return [name, new Uint8Array(Buffer.from(text, "base64"))];
  });
  return Object.fromEntries(parts) as Record<N, Uint8Array>;
}

function readMsr(fields: Fields): Msr {
  const index = fields.integer("index", 0, U32_MAX);
  return {
    index,
    value: BigInt(fields.match("value", /^0x[0-9a-f]{1,16}$/, "a hexadecimal number")),
  };
}

function readCpuid(fields: Fields): CpuidEntry {
  const word = (name: keyof CpuidEntry): number => fields.integer(name, 0, U32_MAX);
  return {
    function: word("function"),
    index: word("index"),
    flags: word("flags"),
    eax: word("eax"),
    ebx: word("ebx"),
    ecx: word("ecx"),
    edx: word("edx"),
  };
}

function readVcpu(fields: Fields): VcpuState {
  return {
    ...readParts(fields, VCPU_PARTS),
    tscKhz: fields.integer("tscKhz", 0, U32_MAX),
    msrs: fields.list("msrs", MAX_ENTRIES, readMsr),
    cpuid: fields.list("cpuid", MAX_ENTRIES, readCpuid),
  };
}

function readThread(fields: Fields): readonly [string, unknown] {
  const name = fields.string("name", MAX_PART);
  const text = fields.string("state", Number.MAX_SAFE_INTEGER);
  try {
    return [name, JSON.parse(text)];
  } catch (cause) {
    throw new StateError(`the snapshot's state of the thread ${quoted(name)} is no JSON`, {
      cause,
    });
  }
}

function checkShape(fields: Fields, wanted: MachineShape): MachineShape {
  const { vcpus, memoryBytes, devices } = wanted;
  const shape = {
    vcpus: fields.integer("vcpus", 0, U32_MAX),
    memoryBytes: fields.integer("memoryBytes", 0, Number.MAX_SAFE_INTEGER),
    devices: fields.texts("devices", MAX_DEVICES, MAX_PART),
  };
  const [is, was] = [wanted, shape].map((it) =>
    [it.vcpus, it.memoryBytes, ...it.devices].join(" "),
  );
  if (is !== was) {
    throw new StateError(
      `the snapshot is of a machine with ${shape.vcpus} vCPUs, ${shape.memoryBytes} bytes of memory and the devices ${shape.devices.join(", ")}; this one has ${vcpus}, ${memoryBytes} and ${devices.join(", ")}`,
    );
  }
  return shape;
}

/** @param shape of the machine that takes the state up @throws {StateError} @throws {ProtocolError} naming a field */
export function stateOfPlain(plain: unknown, shape: MachineShape): MachineState {
  return readWhole(plain, "snapshot", (fields) => ({
    shape: fields.object("shape", (inner) => checkShape(inner, shape)),
    platform: fields.object("platform", (inner) => readParts(inner, PLATFORM_PARTS)),
    vcpus: fields.list("vcpus", shape.vcpus, readVcpu),
    threads: new Map(fields.list("threads", MAX_THREADS, readThread)),
  }));
}
