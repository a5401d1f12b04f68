/** What a VM has on x86-64 before its first vCPU: the pages that KVM wants, PIC, IOAPIC and PIT; and their state for snapshots. */
import { KVM_CLOCK_DATA, KVM_GET_CLOCK, KVM_SET_CLOCK } from "../../abi/kvm.ts";
import {
  KVM_CREATE_PIT2,
  KVM_GET_IRQCHIP,
  KVM_GET_PIT2,
  KVM_IRQCHIP,
  KVM_IRQCHIP_IOAPIC,
  KVM_IRQCHIP_PIC_MASTER,
  KVM_IRQCHIP_PIC_SLAVE,
  KVM_PIT_CONFIG,
  KVM_PIT_SPEAKER_DUMMY,
  KVM_PIT_STATE2,
  KVM_SET_IDENTITY_MAP_ADDR,
  KVM_SET_IRQCHIP,
  KVM_SET_PIT2,
  KVM_SET_TSS_ADDR,
} from "../../abi/x86-64/kvm.ts";
import type { CapabilityName } from "../capabilities.ts";
import type { RequestTarget } from "../kvm-descriptor.ts";
import type { Vm } from "../vm.ts";

/**
 * Pages of the guest's addresses that KVM takes on Intel processors, to run real mode (api.rst 4.35, 4.83): one of an
 * identity map, and three of a task state segment behind it. They lie right below the 256 KiB of the firmware's flash, where
 * everybody has them. No memory and no device may be there.
 */
export const IDENTITY_MAP_ADDRESS = 0xfffb_c000;
export const TSS_ADDRESS = IDENTITY_MAP_ADDRESS + 0x1000;

/** What a VM and its snapshots need beside what every architecture has. */
export const PLATFORM_CAPABILITIES: readonly CapabilityName[] = [
  "KVM_CAP_SET_TSS_ADDR",
  "KVM_CAP_SET_IDENTITY_MAP_ADDR",
  "KVM_CAP_PIT2",
  "KVM_CAP_PIT_STATE2",
  "KVM_CAP_EXT_CPUID",
  "KVM_CAP_ADJUST_CLOCK",
  "KVM_CAP_VCPU_EVENTS",
  "KVM_CAP_DEBUGREGS",
  "KVM_CAP_XSAVE",
  "KVM_CAP_XCRS",
];

/** Makes a new VM a PC without devices: PIC, IOAPIC, local APICs for the vCPUs to come, PIT. @throws {SyscallError} */
export function createPlatform(vm: Vm): void {
  const { descriptor } = vm;
  descriptor.request("KVM_SET_TSS_ADDR", KVM_SET_TSS_ADDR, TSS_ADDRESS);
  const identityMap = new BigUint64Array([BigInt(IDENTITY_MAP_ADDRESS)]);
  descriptor.request("KVM_SET_IDENTITY_MAP_ADDR", KVM_SET_IDENTITY_MAP_ADDR, identityMap);
  vm.createIrqChip();
  // The port of the speaker tells whether a timer has run out, by which kernels measure their clocks.
  const pit = KVM_PIT_CONFIG.make({ flags: KVM_PIT_SPEAKER_DUMMY });
  descriptor.request("KVM_CREATE_PIT2", KVM_CREATE_PIT2, pit);
}

const CHIPS = [
  ["pic-master", KVM_IRQCHIP_PIC_MASTER],
  ["pic-slave", KVM_IRQCHIP_PIC_SLAVE],
  ["ioapic", KVM_IRQCHIP_IOAPIC],
] as const;

/** The parts of a platform that have a state, each as KVM's own structure. */
export type PlatformState = Readonly<
  Record<(typeof CHIPS)[number][0] | "pit" | "clock", Uint8Array>
>;

function bytesOf({ buffer, byteOffset, byteLength }: DataView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** The state of a VM all of whose vCPUs are paused. @throws {SyscallError} */
export function savePlatform(vm: RequestTarget): PlatformState {
  const chips = CHIPS.map(([name, chip]) => {
    const state = KVM_IRQCHIP.make({ chip_id: chip });
    vm.request("KVM_GET_IRQCHIP", KVM_GET_IRQCHIP, state);
    return [name, bytesOf(state)];
  });
  const pit = KVM_PIT_STATE2.make({});
  vm.request("KVM_GET_PIT2", KVM_GET_PIT2, pit);
  const clock = KVM_CLOCK_DATA.make({});
  vm.request("KVM_GET_CLOCK", KVM_GET_CLOCK, clock);
  const state = { ...Object.fromEntries(chips), pit: bytesOf(pit), clock: bytesOf(clock) };
  return state as PlatformState;
}

/**
 * Gives a new platform the state of another. The guest's clock goes on where it was: the time that has passed is for the
 * guest to learn from its real-time clock.
 * @throws {RangeError} on a state of the wrong size @throws {SyscallError}
 */
export function restorePlatform(vm: RequestTarget, state: PlatformState): void {
  for (const [name, chip] of CHIPS) {
    checkSize(name, state[name], KVM_IRQCHIP.size);
    const structure = state[name].slice();
    // Whatever the state says it is of, it goes to the chip that it was given for.
    KVM_IRQCHIP.write(new DataView(structure.buffer), { chip_id: chip });
    vm.request("KVM_SET_IRQCHIP", KVM_SET_IRQCHIP, structure);
  }
  checkSize("pit", state.pit, KVM_PIT_STATE2.size);
  vm.request("KVM_SET_PIT2", KVM_SET_PIT2, state.pit);
  checkSize("clock", state.clock, KVM_CLOCK_DATA.size);
  const saved = new DataView(state.clock.slice().buffer);
  // Of the flags that came with the time, only those may go back that the kernel takes: none is needed.
  const clock = KVM_CLOCK_DATA.make({ clock: KVM_CLOCK_DATA.read(saved, "clock") });
  vm.request("KVM_SET_CLOCK", KVM_SET_CLOCK, clock);
}

function checkSize(name: string, bytes: Uint8Array, size: number): void {
  if (bytes.length !== size) {
    throw new RangeError(`the state "${name}" has ${bytes.length} bytes, and not ${size}`);
  }
}
