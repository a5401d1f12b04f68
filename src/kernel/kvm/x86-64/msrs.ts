/**
 * Model-specific registers of a vCPU: the values a kernel finds at its start, and reading and writing them. Their numbers are
 * Intel's (SDM volume 4, table 2-2) and AMD's (APM volume 2, appendix A), since no header for user space has them.
 */
import { ERRNO } from "../../abi/errno.ts";
import {
  KVM_GET_MSR_INDEX_LIST,
  KVM_GET_MSRS,
  KVM_MSR_ENTRY,
  KVM_MSR_LIST,
  KVM_MSRS,
  KVM_SET_MSRS,
} from "../../abi/x86-64/kvm.ts";
import { SyscallError } from "../../sys/error.ts";
import type { RequestTarget } from "../kvm-descriptor.ts";

export interface Msr {
  readonly index: number;
  readonly value: bigint;
}

const IA32_TSC = 0x10;
const IA32_SYSENTER_CS = 0x174;
const IA32_SYSENTER_ESP = 0x175;
const IA32_SYSENTER_EIP = 0x176;
const IA32_MISC_ENABLE = 0x1a0;
const IA32_MTRR_DEF_TYPE = 0x2ff;
const IA32_TSC_DEADLINE = 0x6e0;
const STAR = 0xc000_0081;
const LSTAR = 0xc000_0082;
const CSTAR = 0xc000_0083;
const SYSCALL_MASK = 0xc000_0084;
const KERNEL_GS_BASE = 0xc000_0102;

const MISC_FAST_STRINGS = 1n;
/** The MTRRs are on, and memory is write-back where none says otherwise (SDM volume 3A 12.11.2.1). */
const MTRR_ON_WRITE_BACK = (1n << 11n) | 6n;

/** What a vCPU has before its kernel's first instruction; the other registers are as the processor's reset leaves them. */
export const BOOT_MSRS: readonly Msr[] = [
  { index: IA32_SYSENTER_CS, value: 0n },
  { index: IA32_SYSENTER_ESP, value: 0n },
  { index: IA32_SYSENTER_EIP, value: 0n },
  { index: STAR, value: 0n },
  { index: CSTAR, value: 0n },
  { index: KERNEL_GS_BASE, value: 0n },
  { index: SYSCALL_MASK, value: 0n },
  { index: LSTAR, value: 0n },
  { index: IA32_TSC, value: 0n },
  { index: IA32_MISC_ENABLE, value: MISC_FAST_STRINGS },
  { index: IA32_MTRR_DEF_TYPE, value: MTRR_ON_WRITE_BACK },
];

/** No kernel has more, by far. */
const MAX_MSRS = 4096;

function pack(msrs: readonly Msr[]): DataView {
  const bytes = KVM_MSRS.size + msrs.length * KVM_MSR_ENTRY.size;
  const table = new DataView(new ArrayBuffer(bytes));
  KVM_MSRS.write(table, { nmsrs: msrs.length });
  for (const [i, { index, value }] of msrs.entries()) {
    const entry = new DataView(table.buffer, KVM_MSRS.size + i * KVM_MSR_ENTRY.size);
    KVM_MSR_ENTRY.write(entry, { index, data: value });
  }
  return table;
}

function unpack(table: DataView, count: number): Msr[] {
  return Array.from({ length: count }, (_, i) => {
    const entry = new DataView(table.buffer, KVM_MSRS.size + i * KVM_MSR_ENTRY.size);
    return { index: KVM_MSR_ENTRY.read(entry, "index"), value: KVM_MSR_ENTRY.read(entry, "data") };
  });
}

/**
 * The registers that make up a vCPU's state, by their numbers. A vCPU need not have all of them.
 * @param kvm /dev/kvm @throws {SyscallError}
 */
export function stateMsrs(kvm: RequestTarget): number[] {
  const view = new DataView(new ArrayBuffer(KVM_MSR_LIST.size + MAX_MSRS * 4));
  KVM_MSR_LIST.write(view, { nmsrs: MAX_MSRS });
  kvm.request("KVM_GET_MSR_INDEX_LIST", KVM_GET_MSR_INDEX_LIST, view);
  const count = Math.min(KVM_MSR_LIST.read(view, "nmsrs"), MAX_MSRS);
  return [...new Uint32Array(view.buffer, KVM_MSR_LIST.size, count)];
}

/** Reads registers; those that the vCPU does not have are left out. @throws {SyscallError} */
export function readMsrs(vcpu: RequestTarget, indexes: readonly number[]): Msr[] {
  const found: Msr[] = [];
  for (let at = 0; at < indexes.length;) {
    // KVM stops at the first that it can't read, and says how many came before it.
    const table = pack(indexes.slice(at).map((index) => ({ index, value: 0n })));
    const count = vcpu.request("KVM_GET_MSRS", KVM_GET_MSRS, table);
    found.push(...unpack(table, count));
    at += count + 1;
  }
  return found;
}

/** @throws {SyscallError} EINVAL, naming the first register that does not take its value; those before it have theirs */
export function writeMsrs(vcpu: RequestTarget, msrs: readonly Msr[]): void {
  const count = vcpu.request("KVM_SET_MSRS", KVM_SET_MSRS, pack(msrs));
  const refused = msrs[count];
  if (refused !== undefined) {
    const object = `KVM_SET_MSRS, 0x${refused.index.toString(16)} = 0x${refused.value.toString(16)}`;
    throw new SyscallError("ioctl", ERRNO.EINVAL, object);
  }
}

/** In the order in which they can be written: a deadline only holds once the time stamp counter has its value. */
export function inRestoreOrder(msrs: readonly Msr[]): Msr[] {
  const isLate = ({ index }: Msr): boolean => index === IA32_TSC_DEADLINE;
  return [...msrs.filter((msr) => !isLate(msr)), ...msrs.filter(isLate)];
}
