/**
 * The registers that the boot CPU starts with, as plain data; the names are those of `struct kvm_regs`, `kvm_sregs`
 * and `kvm_segment` (Documentation/virt/kvm/api.rst, KVM_SET_REGS and KVM_SET_SREGS). What is not named here keeps
 * what KVM gave the vCPU at its creation. The other CPUs get nothing: they wait for the boot CPU's INIT and SIPI.
 */
import type { GuestMemory } from "../memory/guest-memory.ts";
import { BOOT_STACK_ADDRESS, GDT_ADDRESS } from "../memory-map.ts";
import { writePageTables } from "./page-tables.ts";
import { gdtOf, type Segment, segmentOf } from "./segments.ts";

/** Always one (Intel SDM volume 1, 3.4.3). The interrupt flag is clear, as every protocol asks for. */
const RFLAGS_RESERVED = 0x2n;

/** Control registers, Intel SDM volume 3, 2.5. */
const CR0_PE = 0x1n;
const CR0_ET = 0x10n;
const CR0_PG = 0x8000_0000n;
const CR4_PAE = 0x20n;
/** AMD64 APM volume 2, 3.1.7. */
const EFER_LME = 0x100n;
const EFER_LMA = 0x400n;

export interface DescriptorTable {
  readonly base: bigint;
  readonly limit: number;
}

export interface BootRegisters {
  readonly rip: bigint;
  readonly rflags: bigint;
  readonly rsp: bigint;
  readonly rbp: bigint;
  /** The zero page, for the 64-bit boot protocol. */
  readonly rsi: bigint;
  /** The start info, for PVH. */
  readonly rbx: bigint;
}

export interface BootSpecialRegisters {
  readonly cs: Segment;
  readonly ds: Segment;
  readonly es: Segment;
  readonly fs: Segment;
  readonly gs: Segment;
  readonly ss: Segment;
  readonly tr: Segment;
  readonly gdt: DescriptorTable;
  readonly idt: DescriptorTable;
  readonly cr0: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
}

export interface BootCpuState {
  readonly regs: BootRegisters;
  readonly sregs: BootSpecialRegisters;
}

/** Descriptors as the GDT holds them; Intel SDM volume 3, 3.4.5. Present, ring 0, base 0, and from left to right: */
const CODE_64 = 0x00af_9b00_0000_ffffn; // 4 GiB, 64-bit, execute and read, accessed
const CODE_32 = 0x00cf_9b00_0000_ffffn; // 4 GiB, 32-bit, execute and read, accessed
const DATA = 0x00cf_9300_0000_ffffn; // 4 GiB, 32-bit, read and write, accessed
const TSS = 0x0000_8b00_0000_0067n; // 0x67 bytes, busy TSS

/** __BOOT_CS and __BOOT_DS of the boot protocol, times eight. */
const CODE_INDEX = 2;
const DATA_INDEX = 3;
const TSS_INDEX = 4;

function writeSegments(memory: GuestMemory, code: bigint) {
  const gdt = gdtOf([0n, 0n, code, DATA, TSS]);
  memory.bytes(GDT_ADDRESS, gdt.length).set(gdt);
  const data = segmentOf(DATA, DATA_INDEX);
  return {
    cs: segmentOf(code, CODE_INDEX),
    ds: data,
    es: data,
    fs: data,
    gs: data,
    ss: data,
    tr: segmentOf(TSS, TSS_INDEX),
    gdt: { base: BigInt(GDT_ADDRESS), limit: gdt.length - 1 },
    // Without an entry: a fault before the guest has its own is a triple fault, and ends it.
    idt: { base: 0n, limit: 0 },
  };
}

/**
 * For the 64-bit boot protocol: long mode, memory mapped one to one, the zero page in RSI
 * (Documentation/arch/x86/boot.rst, "64-bit Boot Protocol"). Writes GDT and page tables.
 */
export function linux64State(
  memory: GuestMemory,
  entry: number,
  zeroPageAddress: number,
): BootCpuState {
  const segments = writeSegments(memory, CODE_64);
  const cr3 = BigInt(writePageTables(memory));
  return {
    regs: {
      rip: BigInt(entry),
      rflags: RFLAGS_RESERVED,
      rsp: BigInt(BOOT_STACK_ADDRESS),
      rbp: BigInt(BOOT_STACK_ADDRESS),
      rsi: BigInt(zeroPageAddress),
      rbx: 0n,
    },
    sregs: {
      ...segments,
      cr0: CR0_PE | CR0_ET | CR0_PG,
      cr3,
      cr4: CR4_PAE,
      efer: EFER_LME | EFER_LMA,
    },
  };
}

/**
 * For PVH: 32-bit protected mode without paging, the start info in EBX (Xen, docs/misc/pvh.pandoc, "x86 HVM direct
 * boot ABI"). Writes the GDT.
 */
export function pvhState(
  memory: GuestMemory,
  entry: number,
  startInfoAddress: number,
): BootCpuState {
  return {
    regs: {
      rip: BigInt(entry),
      rflags: RFLAGS_RESERVED,
      rsp: 0n,
      rbp: 0n,
      rsi: 0n,
      rbx: BigInt(startInfoAddress),
    },
    sregs: {
      ...writeSegments(memory, CODE_32),
      cr0: CR0_PE | CR0_ET,
      cr3: 0n,
      cr4: 0n,
      efer: 0n,
    },
  };
}
