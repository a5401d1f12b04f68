/** What KVM has to be able to do for us, by name: since which kernel, and what goes missing without it. */
import type { KVM_CAPS } from "../abi/kvm.ts";
import { UnsupportedError } from "../sys/unsupported.ts";

export type CapabilityName = keyof typeof KVM_CAPS;

/** The kernel version that brought each. */
const SINCE: Readonly<Record<CapabilityName, string>> = {
  KVM_CAP_IRQCHIP: "2.6.21",
  KVM_CAP_USER_MEMORY: "2.6.25",
  KVM_CAP_SET_TSS_ADDR: "2.6.25",
  KVM_CAP_EXT_CPUID: "2.6.25",
  KVM_CAP_NR_VCPUS: "2.6.26",
  KVM_CAP_NR_MEMSLOTS: "2.6.26",
  KVM_CAP_MP_STATE: "2.6.26",
  KVM_CAP_IRQFD: "2.6.32",
  KVM_CAP_PIT2: "2.6.31",
  KVM_CAP_PIT_STATE2: "2.6.32",
  KVM_CAP_IOEVENTFD: "2.6.32",
  KVM_CAP_SET_IDENTITY_MAP_ADDR: "2.6.32",
  KVM_CAP_ADJUST_CLOCK: "2.6.33",
  KVM_CAP_VCPU_EVENTS: "2.6.33",
  KVM_CAP_DEBUGREGS: "2.6.34",
  KVM_CAP_XSAVE: "2.6.36",
  KVM_CAP_XCRS: "2.6.36",
  KVM_CAP_TSC_CONTROL: "2.6.39",
  KVM_CAP_GET_TSC_KHZ: "2.6.39",
  KVM_CAP_MAX_VCPUS: "3.2",
  KVM_CAP_TSC_DEADLINE_TIMER: "3.2",
  KVM_CAP_KVMCLOCK_CTRL: "3.5",
  KVM_CAP_READONLY_MEM: "3.7",
  KVM_CAP_CHECK_EXTENSION_VM: "3.17",
  KVM_CAP_IOEVENTFD_ANY_LENGTH: "4.4",
  KVM_CAP_IMMEDIATE_EXIT: "4.13",
  KVM_CAP_XSAVE2: "5.17",
};

/**
 * Checks that all of these are there.
 * @param ask what KVM_CHECK_EXTENSION answers: 0 for what is not there
 * @throws {UnsupportedError} that names every one that is missing
 */
export function requireCapabilities(
  ask: (name: CapabilityName) => number,
  names: readonly CapabilityName[],
): void {
  const missing = names.filter((name) => ask(name) <= 0);
  if (missing.length > 0) {
    const newest =
      missing
        .map((name) => SINCE[name])
        .toSorted(byVersion)
        .at(-1) ?? "";
    const remedy = "virtual machines need a newer kernel, or one whose KVM is complete";
    throw new UnsupportedError(`${missing.join(", ")} in /dev/kvm`, newest, remedy);
  }
}

function byVersion(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}
