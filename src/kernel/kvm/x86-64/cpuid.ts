/** CPUID of the vCPUs: what KVM can offer, and what a vCPU gets. What each leaf says is in `topology.ts`. */
import {
  KVM_CPUID2,
  KVM_CPUID_ENTRY2,
  KVM_GET_CPUID2,
  KVM_GET_SUPPORTED_CPUID,
  KVM_SET_CPUID2,
} from "../../abi/x86-64/kvm.ts";
import { ERRNO } from "../../abi/errno.ts";
import { SyscallError } from "../../sys/error.ts";
import type { RequestTarget } from "../kvm-descriptor.ts";

/** One leaf, or one index of a leaf: `struct kvm_cpuid_entry2`. All are unsigned numbers of 32 bits. */
export interface CpuidEntry {
  readonly function: number;
  readonly index: number;
  /** KVM_CPUID_FLAG_*. */
  readonly flags: number;
  readonly eax: number;
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
}

const FIRST_ENTRIES = 256;
/** No kernel takes more (KVM_MAX_CPUID_ENTRIES is 256). */
const MAX_ENTRIES = 4096;

function entryView(table: DataView, i: number): DataView {
  return new DataView(table.buffer, KVM_CPUID2.size + i * KVM_CPUID_ENTRY2.size);
}

/** `struct kvm_cpuid2` with these entries. */
export function packCpuid(entries: readonly CpuidEntry[]): DataView {
  const bytes = KVM_CPUID2.size + entries.length * KVM_CPUID_ENTRY2.size;
  const table = new DataView(new ArrayBuffer(bytes));
  KVM_CPUID2.write(table, { nent: entries.length });
  for (const [i, entry] of entries.entries()) {
    const { eax, ebx, ecx, edx, index, flags } = entry;
    KVM_CPUID_ENTRY2.write(entryView(table, i), {
      function: entry.function,
      index,
      flags,
      eax,
      ebx,
      ecx,
      edx,
    });
  }
  return table;
}

/** The entries of a `struct kvm_cpuid2`. */
export function unpackCpuid(table: DataView): CpuidEntry[] {
  const room = Math.floor((table.byteLength - KVM_CPUID2.size) / KVM_CPUID_ENTRY2.size);
  const count = Math.min(KVM_CPUID2.read(table, "nent"), room);
  return Array.from({ length: count }, (_, i) => {
    const view = entryView(table, i);
    const read = (name: keyof CpuidEntry): number => KVM_CPUID_ENTRY2.read(view, name);
    return {
      function: read("function"),
      index: read("index"),
      flags: read("flags"),
      eax: read("eax"),
      ebx: read("ebx"),
      ecx: read("ecx"),
      edx: read("edx"),
    };
  });
}

/** Asks for a table, again with more room as long as the kernel answers E2BIG. */
function readCpuid(target: RequestTarget, name: string, number: number): CpuidEntry[] {
  for (let room = FIRST_ENTRIES; room <= MAX_ENTRIES; room *= 2) {
    const table = new DataView(new ArrayBuffer(KVM_CPUID2.size + room * KVM_CPUID_ENTRY2.size));
    KVM_CPUID2.write(table, { nent: room });
    const result = target.tryRequest(number, table);
    if (result >= 0) {
      return unpackCpuid(table);
    }
    if (result !== -ERRNO.E2BIG) {
      throw new SyscallError("ioctl", -result, name);
    }
  }
  throw new SyscallError("ioctl", ERRNO.E2BIG, `${name} with ${MAX_ENTRIES} entries`);
}

/** What this processor and KVM can offer a guest. @param kvm /dev/kvm @throws {SyscallError} */
export function supportedCpuid(kvm: RequestTarget): CpuidEntry[] {
  return readCpuid(kvm, "KVM_GET_SUPPORTED_CPUID", KVM_GET_SUPPORTED_CPUID);
}

/** @throws {SyscallError} */
export function readVcpuCpuid(vcpu: RequestTarget): CpuidEntry[] {
  return readCpuid(vcpu, "KVM_GET_CPUID2", KVM_GET_CPUID2);
}

/** Before the vCPU first runs; afterwards the kernel refuses every change. @throws {SyscallError} EINVAL */
export function writeVcpuCpuid(vcpu: RequestTarget, entries: readonly CpuidEntry[]): void {
  vcpu.request("KVM_SET_CPUID2", KVM_SET_CPUID2, packCpuid(entries));
}
