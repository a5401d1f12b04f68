/** The state of a VM and its vCPU on this host's /dev/kvm, taken from one and given to another. */
import { afterAll, describe, expect, test } from "bun:test";
import { KVM_MP_STATE_RUNNABLE } from "../../src/kernel/abi/kvm.ts";
import { supportedCpuid, writeVcpuCpuid } from "../../src/kernel/kvm/x86-64/cpuid.ts";
import { BOOT_MSRS, readMsrs, stateMsrs, writeMsrs } from "../../src/kernel/kvm/x86-64/msrs.ts";
import {
  PLATFORM_CAPABILITIES,
  restorePlatform,
  savePlatform,
} from "../../src/kernel/kvm/x86-64/platform.ts";
import { readRegisters, resetFpu } from "../../src/kernel/kvm/x86-64/registers.ts";
import { guestCpuid } from "../../src/kernel/kvm/x86-64/topology.ts";
import { restoreVcpu, saveVcpu, tellPaused } from "../../src/kernel/kvm/x86-64/vcpu-state.ts";
import { settledCensus, takeCensus } from "../harness/census.ts";
import { missingForKvm } from "../harness/host.ts";
import { copied, nextExit, TinyGuest } from "../harness/tiny-guest.ts";

const missing = missingForKvm();
const census = takeCensus();

afterAll(async () => {
  expect(await settledCensus(census)).toEqual(census);
});

/** mov bl, 0x40; again: inc bl; mov al, bl; out 0x80, al; jmp again */
const COUNTER = [0xb3, 0x40, 0xfe, 0xc3, 0x88, 0xd8, 0xe6, 0x80, 0xeb, 0xf8];

if (missing !== undefined) {
  test.skip(`the state of vCPUs: needs /dev/kvm (${missing})`, () => undefined);
} else {
  const optionsOf = (guest: TinyGuest) => ({
    msrs: stateMsrs(guest.kvm.descriptor),
    xsaveBytes: guest.kvm.capability("KVM_CAP_XSAVE2"),
  });

  const countOf = (vcpu: ReturnType<TinyGuest["vcpu"]>): number | undefined => {
    const exit = copied(nextExit(vcpu));
    return exit.kind === "port" ? exit.data[0] : undefined;
  };

  test("this host's KVM can do what a platform needs", () => {
    using guest = new TinyGuest();
    guest.kvm.require(...PLATFORM_CAPABILITIES);
  });

  describe("saveVcpu and restoreVcpu", () => {
    test("have a guest go on in another VM where it was", () => {
      using guest = new TinyGuest({ hasPlatform: true });
      const vcpu = guest.realMode(COUNTER);
      const cpuid = guestCpuid(supportedCpuid(guest.kvm.descriptor), {
        index: 0,
        count: 1,
        hasTscDeadline: guest.kvm.capability("KVM_CAP_TSC_DEADLINE_TIMER") > 0,
      });
      writeVcpuCpuid(vcpu, cpuid);
      writeMsrs(vcpu, BOOT_MSRS);
      resetFpu(vcpu);
      expect([countOf(vcpu), countOf(vcpu), countOf(vcpu)]).toEqual([0x41, 0x42, 0x43]);
      // The third exit is complete only when the vCPU is entered again, as it is on the way to a pause.
      vcpu.kick();
      expect(vcpu.run()).toEqual({ kind: "interrupted" });
      const options = optionsOf(guest);
      const state = saveVcpu(vcpu, options);
      const platform = savePlatform(guest.vm.descriptor);
      tellPaused(vcpu);

      using other = new TinyGuest({ hasPlatform: true });
      other.ram.bytes.set(guest.ram.bytes);
      restorePlatform(other.vm.descriptor, platform);
      const copy = other.vcpu();
      restoreVcpu(copy, state, options);
      expect(readRegisters(copy)).toEqual(readRegisters(vcpu));
      const again = saveVcpu(copy, options);
      expect(again.cpuid).toEqual(state.cpuid);
      expect(again.lapic.slice(0x20, 0x390)).toEqual(state.lapic.slice(0x20, 0x390));
      expect(again["mp-state"][0]).toBe(KVM_MP_STATE_RUNNABLE);
      expect([countOf(copy), countOf(copy)]).toEqual([0x44, 0x45]);
      expect(countOf(vcpu)).toBe(0x44);
    });

    test("have the MSRs, those of the boot among them", () => {
      using guest = new TinyGuest({ hasPlatform: true });
      const vcpu = guest.realMode(COUNTER);
      writeVcpuCpuid(vcpu, supportedCpuid(guest.kvm.descriptor));
      writeMsrs(vcpu, [{ index: 0x174, value: 0x10n }]);
      const { msrs } = saveVcpu(vcpu, optionsOf(guest));
      expect(msrs.find(({ index }) => index === 0x174)?.value).toBe(0x10n);
      writeMsrs(vcpu, BOOT_MSRS);
      expect(readMsrs(vcpu, [0x174])).toEqual([{ index: 0x174, value: 0n }]);
      expect(() => writeMsrs(vcpu, [{ index: 0x7777_7777, value: 1n }])).toThrow(
        "0x77777777 = 0x1",
      );
    });
  });

  test("restorePlatform takes back what savePlatform gave, and nothing of another size", () => {
    using guest = new TinyGuest({ hasPlatform: true });
    const state = savePlatform(guest.vm.descriptor);
    using other = new TinyGuest({ hasPlatform: true });
    restorePlatform(other.vm.descriptor, state);
    const again = savePlatform(other.vm.descriptor);
    expect(again.ioapic).toEqual(state.ioapic);
    expect(again["pic-master"]).toEqual(state["pic-master"]);
    const short = { ...state, pit: new Uint8Array(7) };
    const restore = () => restorePlatform(other.vm.descriptor, short);
    expect(restore).toThrow('the state "pit" has 7 bytes, and not 112');
  });
}
