import { describe, expect, test } from "bun:test";
import { ERRNO } from "../abi/errno.ts";
import {
  KVM_CAPS,
  KVM_CHECK_EXTENSION,
  KVM_CREATE_VM,
  KVM_GET_API_VERSION,
  KVM_GET_VCPU_MMAP_SIZE,
} from "../abi/kvm.ts";
import { UnsupportedError } from "../sys/unsupported.ts";
import { Kvm } from "./kvm.ts";

/** A /dev/kvm that answers by a table, and can do all that is not said to be missing. */
function fakeDevice(answers: Readonly<Record<number, () => number>>, missing: number[] = []) {
  const device = {
    isClosed: false,
    request: (_name: string, number: number, argument: unknown) =>
      device.tryRequest(number, argument),
    tryRequest(number: number, argument: unknown): number {
      if (number === KVM_CHECK_EXTENSION) {
        return missing.includes(Number(argument)) ? 0 : 7;
      }
      return answers[number]?.() ?? 0;
    },
    [Symbol.dispose]() {
      device.isClosed = true;
    },
  };
  return device;
}

const VERSION = { [KVM_GET_API_VERSION]: () => 12 };

describe("Kvm", () => {
  test("refuses another version of the API, and closes the device", () => {
    const device = fakeDevice({ [KVM_GET_API_VERSION]: () => 11 });
    expect(() => new Kvm(device)).toThrow("no KVM API version 12 (/dev/kvm has 11) here");
    expect(device.isClosed).toBe(true);
  });

  test("refuses a device without what every VM needs, by its name", () => {
    const device = fakeDevice(VERSION, [KVM_CAPS.KVM_CAP_IMMEDIATE_EXIT]);
    expect(() => new Kvm(device)).toThrow(UnsupportedError);
    expect(() => new Kvm(device)).toThrow("no KVM_CAP_IMMEDIATE_EXIT in /dev/kvm here (Linux 4.13");
    expect(device.isClosed).toBe(true);
  });

  test("asks for as many vCPUs as there may be, or as many as are recommended", () => {
    expect(new Kvm(fakeDevice(VERSION)).maxVcpus).toBe(7);
    const old = fakeDevice(VERSION, [KVM_CAPS.KVM_CAP_MAX_VCPUS]);
    expect(new Kvm(old).maxVcpus).toBe(7);
    const none = fakeDevice(VERSION, [KVM_CAPS.KVM_CAP_MAX_VCPUS, KVM_CAPS.KVM_CAP_NR_VCPUS]);
    expect(new Kvm(none).maxVcpus).toBe(0);
  });

  test("makes a VM in spite of signals, and does not try for ever", () => {
    let attempts = 0;
    let interruptions = 3;
    const create = () => {
      attempts += 1;
      return attempts > interruptions ? 1234 : -ERRNO.EINTR;
    };
    const table = { ...VERSION, [KVM_GET_VCPU_MMAP_SIZE]: () => 12288, [KVM_CREATE_VM]: create };
    const kvm = new Kvm(fakeDevice(table));
    expect(kvm.createVm().descriptor.release()).toBe(1234);
    expect(attempts).toBe(4);
    interruptions = Number.POSITIVE_INFINITY;
    expect(() => kvm.createVm()).toThrow("ioctl KVM_CREATE_VM of /dev/kvm: EINTR");
  });

  test("says who has the processor where another hypervisor does", () => {
    const busy = { ...VERSION, [KVM_CREATE_VM]: () => -ERRNO.EBUSY };
    expect(() => new Kvm(fakeDevice(busy)).createVm()).toThrow(
      "(another hypervisor has the processor's virtualisation): EBUSY",
    );
  });
});
