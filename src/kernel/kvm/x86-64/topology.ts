/**
 * What CPUID tells a guest of its processors: one package of as many cores as there are vCPUs, a thread each, with a hypervisor
 * above. Everything else is as KVM offers it. Where Intel's leaves are from: SDM volume 2A, CPUID; AMD's: APM volume 3,
 * appendix E. The id of a vCPU's local APIC is its index.
 */
import { KVM_CPUID_FLAG_SIGNIFCANT_INDEX } from "../../abi/x86-64/kvm.ts";
import type { CpuidEntry } from "./cpuid.ts";

export interface Topology {
  /** Of this vCPU, from 0. */
  readonly index: number;
  readonly count: number;
  /** KVM_CAP_TSC_DEADLINE_TIMER: the local APIC in the kernel has it, and KVM leaves it to us to say so (api.rst 4.46). */
  readonly hasTscDeadline: boolean;
  /** Whether the guest may have guests itself; their state is in no snapshot. */
  readonly isNested?: boolean;
}

const ECX_VMX = 1 << 5;
const ECX_TSC_DEADLINE = 1 << 24;
const ECX_HYPERVISOR = 1 << 31;
const EDX_HTT = 1 << 28;
const AMD_ECX_CMP_LEGACY = 1 << 1;
const AMD_ECX_SVM = 1 << 2;

const LEVEL_THREAD = 1;
const LEVEL_CORE = 2;

/** The first letters of the vendors whose leaves are AMD's: `Auth`enticAMD, `Hygo`nGenuine. */
const AMD_VENDORS = [0x6874_7541, 0x6f67_7948];

/** Leaves that tell of cores and threads; we make them. The last one says no more than the others do, and goes. */
const TOPOLOGY_LEAVES = [0x0b, 0x1f];
const AMD_EXTENDED_TOPOLOGY = 0x8000_0026;

/** How many bits of an APIC id number the cores of a package. */
function coreBits(count: number): number {
  return Math.ceil(Math.log2(count));
}

/** Puts a value into some bits of a register. */
function withBits(register: number, low: number, width: number, value: number): number {
  const mask = (2 ** width - 1) << low;
  return ((register & ~mask) | ((value << low) & mask)) >>> 0;
}

function withFlag(register: number, flag: number, isSet: boolean): number {
  return (isSet ? register | flag : register & ~flag) >>> 0;
}

/** Leaf 4, and AMD's 0x8000001d: a cache of level 3 is everybody's, the others are a core's own. */
function cache(entry: CpuidEntry, bits: number): number {
  const level = (entry.eax >>> 5) & 7;
  return withBits(entry.eax, 14, 12, level >= 3 ? 2 ** bits - 1 : 0);
}

function adjusted(entry: CpuidEntry, topology: Topology, isAmd: boolean): CpuidEntry {
  const { index, count, hasTscDeadline, isNested = false } = topology;
  const bits = coreBits(count);
  switch (entry.function) {
    case 0x01: {
      const ids = withBits(entry.ebx, 24, 8, index);
      const guest = withFlag(entry.ecx, ECX_HYPERVISOR, true);
      const timer = withFlag(guest, ECX_TSC_DEADLINE, hasTscDeadline);
      return {
        ...entry,
        ebx: withBits(ids, 16, 8, Math.min(2 ** bits, 255)),
        ecx: isNested ? timer : withFlag(timer, ECX_VMX, false),
        edx: withFlag(entry.edx, EDX_HTT, count > 1),
      };
    }
    case 0x04:
      // An index without a cache ends the list.
      return (entry.eax & 0x1f) === 0
        ? entry
        : { ...entry, eax: withBits(cache(entry, bits), 26, 6, Math.min(2 ** bits - 1, 63)) };
    case 0x8000_0001: {
      const nested = isNested ? entry.ecx : withFlag(entry.ecx, AMD_ECX_SVM, false);
      return { ...entry, ecx: withFlag(nested, AMD_ECX_CMP_LEGACY, isAmd && count > 1) };
    }
    case 0x8000_0008:
      return isAmd
        ? { ...entry, ecx: withBits(withBits(entry.ecx, 0, 8, count - 1), 12, 4, bits) }
        : entry;
    case 0x8000_001d:
      return (entry.eax & 0x1f) === 0 ? entry : { ...entry, eax: cache(entry, bits) };
    case 0x8000_001e:
      // One thread a core, one node a package: the fields above the core's number are 0.
      return isAmd ? { ...entry, eax: index, ebx: index & 0xff, ecx: 0, edx: 0 } : entry;
    default:
      return entry;
  }
}

/** Leaf 0xb, or 0x1f, which says the same: a level of threads, one of cores, and the end. */
function levels(leaf: number, { index, count }: Topology): CpuidEntry[] {
  const rows = [
    { shift: 0, processors: 1, type: LEVEL_THREAD },
    { shift: coreBits(count), processors: count, type: LEVEL_CORE },
    { shift: 0, processors: 0, type: 0 },
  ];
  return rows.map(({ shift, processors, type }, level) => ({
    function: leaf,
    index: level,
    flags: KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
    eax: shift,
    ebx: processors,
    ecx: (type << 8) | level,
    edx: index,
  }));
}

/** The CPUID of one vCPU. @param supported what KVM offers @throws {RangeError} on a vCPU that is not one of them */
export function guestCpuid(supported: readonly CpuidEntry[], topology: Topology): CpuidEntry[] {
  const { index, count } = topology;
  if (!(Number.isInteger(index) && index >= 0 && index < count)) {
    throw new RangeError(`no vCPU ${index} among ${count}`);
  }
  const vendor = supported.find((entry) => entry.function === 0)?.ebx ?? 0;
  const isAmd = AMD_VENDORS.includes(vendor);
  const ours = [...TOPOLOGY_LEAVES, AMD_EXTENDED_TOPOLOGY];
  const present = new Set(supported.map((entry) => entry.function));
  return [
    ...supported
      .filter((entry) => !ours.includes(entry.function))
      .map((entry) => adjusted(entry, topology, isAmd)),
    ...TOPOLOGY_LEAVES.filter((leaf) => present.has(leaf)).flatMap((leaf) =>
      levels(leaf, topology),
    ),
  ];
}
