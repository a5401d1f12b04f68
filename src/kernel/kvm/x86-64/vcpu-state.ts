/**
 * The whole state of a vCPU, for snapshots: each part as KVM's own structure, got and set in an order that keeps one
 * from undoing another. The vCPU is paused meanwhile, with its last exit completed.
 */
import {
  KVM_GET_MP_STATE,
  KVM_KVMCLOCK_CTRL,
  KVM_MP_STATE,
  KVM_SET_MP_STATE,
} from "../../abi/kvm.ts";
import {
  KVM_DEBUGREGS,
  KVM_GET_DEBUGREGS,
  KVM_GET_LAPIC,
  KVM_GET_REGS,
  KVM_GET_SREGS,
  KVM_GET_TSC_KHZ,
  KVM_GET_VCPU_EVENTS,
  KVM_GET_XCRS,
  KVM_GET_XSAVE,
  KVM_GET_XSAVE2,
  KVM_LAPIC_STATE,
  KVM_REGS,
  KVM_SET_DEBUGREGS,
  KVM_SET_LAPIC,
  KVM_SET_REGS,
  KVM_SET_SREGS,
  KVM_SET_TSC_KHZ,
  KVM_SET_VCPU_EVENTS,
  KVM_SET_XCRS,
  KVM_SET_XSAVE,
  KVM_SREGS,
  KVM_VCPU_EVENTS,
  KVM_XCRS,
  KVM_XSAVE,
} from "../../abi/x86-64/kvm.ts";
import type { RequestTarget } from "../kvm-descriptor.ts";
import { type CpuidEntry, readVcpuCpuid, writeVcpuCpuid } from "./cpuid.ts";
import { inRestoreOrder, type Msr, readMsrs, writeMsrs } from "./msrs.ts";

interface Part {
  readonly get: readonly [name: string, number: number];
  readonly set: readonly [name: string, number: number];
  readonly bytes: number;
}

/**
 * The parts that are one structure each, in the order in which they are set. It matters (api.rst, and what KVM does):
 * the multiprocessing state comes first, since asking for it may change the APIC; KVM_SET_REGS drops pending exceptions,
 * which the events bring back; the APIC comes after the registers that hold its base, and before the MSR of its timer.
 */
const PARTS = {
  "mp-state": {
    get: ["KVM_GET_MP_STATE", KVM_GET_MP_STATE],
    set: ["KVM_SET_MP_STATE", KVM_SET_MP_STATE],
    bytes: KVM_MP_STATE.size,
  },
  regs: {
    get: ["KVM_GET_REGS", KVM_GET_REGS],
    set: ["KVM_SET_REGS", KVM_SET_REGS],
    bytes: KVM_REGS.size,
  },
  sregs: {
    get: ["KVM_GET_SREGS", KVM_GET_SREGS],
    set: ["KVM_SET_SREGS", KVM_SET_SREGS],
    bytes: KVM_SREGS.size,
  },
  xcrs: {
    get: ["KVM_GET_XCRS", KVM_GET_XCRS],
    set: ["KVM_SET_XCRS", KVM_SET_XCRS],
    bytes: KVM_XCRS.size,
  },
  debugregs: {
    get: ["KVM_GET_DEBUGREGS", KVM_GET_DEBUGREGS],
    set: ["KVM_SET_DEBUGREGS", KVM_SET_DEBUGREGS],
    bytes: KVM_DEBUGREGS.size,
  },
  lapic: {
    get: ["KVM_GET_LAPIC", KVM_GET_LAPIC],
    set: ["KVM_SET_LAPIC", KVM_SET_LAPIC],
    bytes: KVM_LAPIC_STATE.size,
  },
} as const satisfies Record<string, Part>;

const EVENTS: Part = {
  get: ["KVM_GET_VCPU_EVENTS", KVM_GET_VCPU_EVENTS],
  set: ["KVM_SET_VCPU_EVENTS", KVM_SET_VCPU_EVENTS],
  bytes: KVM_VCPU_EVENTS.size,
};

type PartName = keyof typeof PARTS;
const PART_NAMES = Object.keys(PARTS) as PartName[];

export interface VcpuState extends Readonly<Record<PartName, Uint8Array>> {
  readonly cpuid: readonly CpuidEntry[];
  readonly xsave: Uint8Array;
  readonly msrs: readonly Msr[];
  readonly events: Uint8Array;
  /** The frequency of its time stamp counter in kHz. */
  readonly tscKhz: number;
}

export interface StateOptions {
  /** The registers that `stateMsrs` names. */
  readonly msrs: readonly number[];
  /** What KVM_CAP_XSAVE2 says, 0 where there is no such capability. */
  readonly xsaveBytes: number;
}

function read(vcpu: RequestTarget, { get: [name, number], bytes }: Part): Uint8Array {
  const state = new Uint8Array(bytes);
  vcpu.request(name, number, state);
  return state;
}

function write(vcpu: RequestTarget, part: Part, state: Uint8Array): void {
  const [name, number] = part.set;
  if (state.length < part.bytes) {
    throw new RangeError(`the state for ${name} has ${state.length} bytes, and not ${part.bytes}`);
  }
  vcpu.request(name, number, state);
}

function xsavePart(bytes: number): Part {
  return {
    get:
      bytes > KVM_XSAVE.size
        ? ["KVM_GET_XSAVE2", KVM_GET_XSAVE2]
        : ["KVM_GET_XSAVE", KVM_GET_XSAVE],
    set: ["KVM_SET_XSAVE", KVM_SET_XSAVE],
    bytes: Math.max(bytes, KVM_XSAVE.size),
  };
}

/** The state of a vCPU whose VM is paused: none of its vCPUs runs. @throws {SyscallError} */
export function saveVcpu(vcpu: RequestTarget, { msrs, xsaveBytes }: StateOptions): VcpuState {
  const parts = PART_NAMES.map((name) => [name, read(vcpu, PARTS[name])]);
  return {
    ...(Object.fromEntries(parts) as Record<PartName, Uint8Array>),
    xsave: read(vcpu, xsavePart(xsaveBytes)),
    tscKhz: vcpu.request("KVM_GET_TSC_KHZ", KVM_GET_TSC_KHZ),
    msrs: readMsrs(vcpu, msrs),
    cpuid: readVcpuCpuid(vcpu),
    // Last, since the others may turn something into an event.
    events: read(vcpu, EVENTS),
  };
}

/**
 * Gives a new vCPU the state of another.
 * @throws {RangeError} on a part of the wrong size
 * @throws {SyscallError} on a state that this processor can't have, naming the request that refused it
 */
export function restoreVcpu(
  vcpu: RequestTarget,
  state: VcpuState,
  { xsaveBytes }: Pick<StateOptions, "xsaveBytes">,
): void {
  writeVcpuCpuid(vcpu, state.cpuid);
  if (state.tscKhz !== vcpu.request("KVM_GET_TSC_KHZ", KVM_GET_TSC_KHZ)) {
    vcpu.request("KVM_SET_TSC_KHZ", KVM_SET_TSC_KHZ, state.tscKhz);
  }
  for (const name of PART_NAMES) {
    write(vcpu, PARTS[name], state[name]);
    if (name === "sregs") {
      // Before XCR0, which says what of it counts.
      write(vcpu, xsavePart(xsaveBytes), state.xsave);
    }
  }
  writeMsrs(vcpu, inRestoreOrder(state.msrs));
  write(vcpu, EVENTS, state.events);
}

/**
 * Tells a guest with a paravirtual clock that its vCPU was paused, for its watchdogs to be quiet (api.rst 4.69).
 * A guest that has no such clock is not told.
 */
export function tellPaused(vcpu: RequestTarget): void {
  vcpu.tryRequest(KVM_KVMCLOCK_CTRL); // EINVAL: no such clock
}
