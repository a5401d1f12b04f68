/** The registers of an x86-64 vCPU as values: general purpose, segments and control, and the FPU's start. */
import type { Layout } from "../../abi/layout.ts";
import {
  KVM_DTABLE,
  KVM_FPU,
  KVM_GET_REGS,
  KVM_GET_SREGS,
  KVM_REGS,
  KVM_SEGMENT,
  KVM_SET_FPU,
  KVM_SET_REGS,
  KVM_SET_SREGS,
  KVM_SREGS,
} from "../../abi/x86-64/kvm.ts";
import type { RequestTarget } from "../kvm-descriptor.ts";

type Numbers<Name extends string> = { readonly [K in Name]: number };
type Words<Name extends string> = { readonly [K in Name]: bigint };

/** The general-purpose registers, with `rip` and `rflags`. */
export type Registers = Words<keyof typeof KVM_REGS.offsets>;

/** A segment register with its hidden part (Intel SDM volume 3A 3.4.3). */
export interface Segment extends Numbers<
  "limit" | "selector" | "type" | "present" | "dpl" | "db" | "s" | "l" | "g" | "avl" | "unusable"
> {
  readonly base: bigint;
}

/** GDTR or IDTR. */
export interface DescriptorTable {
  readonly base: bigint;
  readonly limit: number;
}

const SEGMENT_NAMES = ["cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt"] as const;
const TABLE_NAMES = ["gdt", "idt"] as const;
const CONTROL_NAMES = ["cr0", "cr2", "cr3", "cr4", "cr8", "efer", "apic_base"] as const;

/** Segments, descriptor tables and control registers. */
export type SystemRegisters = Readonly<Record<(typeof SEGMENT_NAMES)[number], Segment>> &
  Readonly<Record<(typeof TABLE_NAMES)[number], DescriptorTable>> &
  Words<(typeof CONTROL_NAMES)[number]>;

/** @throws {SyscallError} */
export function readRegisters(vcpu: RequestTarget): Registers {
  const view = KVM_REGS.make({});
  vcpu.request("KVM_GET_REGS", KVM_GET_REGS, view);
  const names = Object.keys(KVM_REGS.offsets) as (keyof Registers)[];
  const entries = names.map((name) => [name, KVM_REGS.read(view, name)]);
  return Object.fromEntries(entries) as Registers;
}

/** Sets the registers that are given; the others keep their values. @throws {SyscallError} */
export function writeRegisters(vcpu: RequestTarget, registers: Partial<Registers>): void {
  const view = KVM_REGS.make({});
  vcpu.request("KVM_GET_REGS", KVM_GET_REGS, view);
  KVM_REGS.write(view, registers);
  vcpu.request("KVM_SET_REGS", KVM_SET_REGS, view);
}

/** The part of a structure's memory that an inner structure is. */
function inner(view: DataView, offset: number, { size }: Pick<Layout<never>, "size">): DataView {
  return new DataView(view.buffer, view.byteOffset + offset, size);
}

function readSegment(view: DataView): Segment {
  const { padding: _, ...offsets } = KVM_SEGMENT.offsets;
  const names = Object.keys(offsets) as (keyof Segment)[];
  const entries = names.map((name) => [name, KVM_SEGMENT.read(view, name)]);
  return Object.fromEntries(entries) as unknown as Segment;
}

/** @throws {SyscallError} */
export function readSystemRegisters(vcpu: RequestTarget): SystemRegisters {
  const view = KVM_SREGS.make({});
  vcpu.request("KVM_GET_SREGS", KVM_GET_SREGS, view);
  const entries = [
    ...SEGMENT_NAMES.map((name) => {
      return [name, readSegment(inner(view, KVM_SREGS.offsets[name], KVM_SEGMENT))] as const;
    }),
    ...TABLE_NAMES.map((name) => {
      const table = inner(view, KVM_SREGS.offsets[name], KVM_DTABLE);
      const base = KVM_DTABLE.read(table, "base");
      return [name, { base, limit: KVM_DTABLE.read(table, "limit") }] as const;
    }),
    ...CONTROL_NAMES.map((name) => [name, KVM_SREGS.read(view, name)] as const),
  ];
  return Object.fromEntries(entries) as SystemRegisters;
}

/**
 * Sets the registers that are given, whole; the others, and a pending interrupt, keep their values.
 * @throws {SyscallError} EINVAL for a state that no processor has
 */
export function writeSystemRegisters(
  vcpu: RequestTarget,
  registers: Partial<SystemRegisters>,
): void {
  const view = KVM_SREGS.make({});
  vcpu.request("KVM_GET_SREGS", KVM_GET_SREGS, view);
  for (const name of SEGMENT_NAMES) {
    KVM_SEGMENT.write(inner(view, KVM_SREGS.offsets[name], KVM_SEGMENT), registers[name] ?? {});
  }
  for (const name of TABLE_NAMES) {
    KVM_DTABLE.write(inner(view, KVM_SREGS.offsets[name], KVM_DTABLE), registers[name] ?? {});
  }
  for (const name of CONTROL_NAMES) {
    const value = registers[name];
    KVM_SREGS.write(view, value === undefined ? {} : { [name]: value });
  }
  vcpu.request("KVM_SET_SREGS", KVM_SET_SREGS, view);
}

/** The control word after FNINIT: every exception masked, 64 bits of mantissa (Intel SDM volume 1 8.1.5). */
const FPU_CONTROL = 0x37f;
/** MXCSR after a reset: every exception masked (Intel SDM volume 1 10.2.3). */
const MXCSR = 0x1f80;

/** The FPU as a kernel finds it that starts without a firmware before it. @throws {SyscallError} */
export function resetFpu(vcpu: RequestTarget): void {
  const fpu = KVM_FPU.make({ fcw: FPU_CONTROL, mxcsr: MXCSR });
  vcpu.request("KVM_SET_FPU", KVM_SET_FPU, fpu);
}
