/**
 * What the kernel has of a machine: the VM with its memory and processors, and the eventfds by which guest and devices
 * tell each other. All of it belongs to the main thread, and goes with it: processors first.
 */
import { VIRTIO_MMIO_QUEUE_NOTIFY } from "../../kernel/abi/virtio.ts";
import { Kvm } from "../../kernel/kvm/kvm.ts";
import { KvmDescriptor } from "../../kernel/kvm/kvm-descriptor.ts";
import type { RamSpec } from "../../kernel/kvm/guest-ram.ts";
import type { Vcpu } from "../../kernel/kvm/vcpu.ts";
import type { Vm } from "../../kernel/kvm/vm.ts";
import { supportedCpuid, writeVcpuCpuid } from "../../kernel/kvm/x86-64/cpuid.ts";
import { BOOT_MSRS, stateMsrs, writeMsrs } from "../../kernel/kvm/x86-64/msrs.ts";
import {
  createPlatform,
  PLATFORM_CAPABILITIES,
  restorePlatform,
  savePlatform,
} from "../../kernel/kvm/x86-64/platform.ts";
import {
  resetFpu,
  writeRegisters,
  writeSystemRegisters,
} from "../../kernel/kvm/x86-64/registers.ts";
import { guestCpuid } from "../../kernel/kvm/x86-64/topology.ts";
import { restoreVcpu, saveVcpu, tellPaused } from "../../kernel/kvm/x86-64/vcpu-state.ts";
import { EventFd } from "../../kernel/sys/event-fd.ts";
import type { BootCpuState } from "../boot/cpu-state.ts";
import { POWER_BUTTON_GSI, SERIAL_GSI, VM_GENERATION_GSI } from "../memory-map.ts";
import type { MachineState } from "../snapshot/machine-state.ts";
import { StateError } from "../virtio/state.ts";
import { type PlannedDevice, QUEUE_COUNTS } from "./device-plan.ts";

const NOTIFY_BYTES = 4;

/** The eventfds of one virtio device. */
export interface DeviceEvents {
  readonly notify: readonly EventFd[];
  readonly interrupt: EventFd;
}

export class Hardware implements Disposable {
  readonly kvm: Kvm;
  readonly vm: Vm;
  readonly serialInterrupt: EventFd;
  readonly buttonInterrupt: EventFd;
  readonly #generationInterrupt: EventFd;
  readonly devices: readonly DeviceEvents[];
  readonly #stack = new DisposableStack();
  #vcpus: readonly Vcpu[] = [];

  /**
   * Everything but processors.
   * @param kvmFd of /dev/kvm, from now on its own
   * @param ram mapped already, and kept so until after this
   * @throws {UnsupportedError} @throws {SyscallError}
   */
  constructor(kvmFd: number, ram: readonly RamSpec[], plan: readonly PlannedDevice[]) {
    try {
      this.kvm = this.#stack.use(new Kvm(new KvmDescriptor(kvmFd, "/dev/kvm")));
      this.kvm.require(...PLATFORM_CAPABILITIES);
      this.vm = this.#stack.use(this.kvm.createVm());
      createPlatform(this.vm);
      for (const one of ram) {
        this.vm.addMemory(one);
      }
      this.serialInterrupt = this.#interrupt(SERIAL_GSI);
      this.buttonInterrupt = this.#interrupt(POWER_BUTTON_GSI);
      this.#generationInterrupt = this.#interrupt(VM_GENERATION_GSI);
      this.devices = plan.map((device) => this.#eventsOf(device));
    } catch (error) {
      this.#stack.dispose();
      throw error;
    }
  }

  get vcpus(): readonly Vcpu[] {
    return this.#vcpus;
  }

  #interrupt(gsi: number): EventFd {
    const event = this.#stack.use(new EventFd());
    this.vm.connectInterrupt(event, gsi);
    return event;
  }

  #eventsOf({ slot, spec }: PlannedDevice): DeviceEvents {
    const notify = Array.from({ length: QUEUE_COUNTS[spec.kind] }, (_, queue) => {
      const event = this.#stack.use(new EventFd());
      const address = slot.address + VIRTIO_MMIO_QUEUE_NOTIFY;
      const value = BigInt(queue);
      this.vm.connectWrite(event, { space: "mmio", address, bytes: NOTIFY_BYTES, value });
      return event;
    });
    return { notify, interrupt: this.#interrupt(slot.gsi) };
  }

  /** Processors without a state of their own but what a reset gives them. @throws {RangeError} @throws {SyscallError} */
  createVcpus(count: number): void {
    this.#vcpus = Array.from({ length: count }, (_, index) =>
      this.#stack.use(this.vm.createVcpu(index)),
    );
  }

  /** Gives new processors what they start with; the first gets the kernel's entry. @throws {SyscallError} */
  bootVcpus(cpu: BootCpuState): void {
    const supported = supportedCpuid(this.kvm.descriptor);
    const hasTscDeadline = this.kvm.capability("KVM_CAP_TSC_DEADLINE_TIMER") > 0;
    const count = this.#vcpus.length;
    for (const [index, vcpu] of this.#vcpus.entries()) {
      writeVcpuCpuid(vcpu, guestCpuid(supported, { index, count, hasTscDeadline }));
      writeMsrs(vcpu, BOOT_MSRS);
      resetFpu(vcpu);
      if (index === 0) {
        writeSystemRegisters(vcpu, cpu.sregs);
        writeRegisters(vcpu, cpu.regs);
      }
    }
  }

  /** Tells the guest that it has another generation ID than before. */
  tellGeneration(): void {
    this.#generationInterrupt.signal();
  }

  /** The state of a machine all of whose threads are paused. @throws {SyscallError} */
  save(): Pick<MachineState, "platform" | "vcpus"> {
    const options = { msrs: stateMsrs(this.kvm.descriptor), xsaveBytes: this.#xsaveBytes };
    return {
      platform: savePlatform(this.vm.descriptor),
      vcpus: this.#vcpus.map((vcpu) => saveVcpu(vcpu, options)),
    };
  }

  /** Gives new processors, and what is around them, the state of others. @throws {RangeError} @throws {SyscallError} */
  restore({ platform, vcpus }: Pick<MachineState, "platform" | "vcpus">): void {
    restorePlatform(this.vm.descriptor, platform);
    for (const [index, vcpu] of this.#vcpus.entries()) {
      const state = vcpus[index];
      if (state === undefined) {
        throw new StateError(`the snapshot has no state of vCPU ${index}`);
      }
      restoreVcpu(vcpu, state, { xsaveBytes: this.#xsaveBytes });
      tellPaused(vcpu);
    }
  }

  get #xsaveBytes(): number {
    return this.kvm.capability("KVM_CAP_XSAVE2");
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}
