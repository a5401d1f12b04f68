/**
 * /dev/kvm (Documentation/virt/kvm/api.rst): whether there is one, what it can do, and new VMs. This folder knows what
 * every architecture has; what one has of its own is in a folder by its name.
 */
import {
  KVM_API_VERSION,
  KVM_CAPS,
  KVM_CHECK_EXTENSION,
  KVM_CREATE_VM,
  KVM_GET_API_VERSION,
  KVM_GET_VCPU_MMAP_SIZE,
} from "../abi/kvm.ts";
import { O_CLOEXEC, O_RDWR, AT_FDCWD } from "../abi/open.ts";
import { ERRNO } from "../abi/errno.ts";
import { isErrno, SyscallError } from "../sys/error.ts";
import { cString, syscall } from "../sys/syscall.ts";
import { UnsupportedError } from "../sys/unsupported.ts";
import { type CapabilityName, requireCapabilities } from "./capabilities.ts";
import { KvmDescriptor, type RequestTarget } from "./kvm-descriptor.ts";
import { Vm } from "./vm.ts";

const DEVICE = "/dev/kvm";
const CREATE_VM_ATTEMPTS = 20;

/** What every VM of ours uses, whatever the architecture. */
const REQUIRED: readonly CapabilityName[] = [
  "KVM_CAP_USER_MEMORY",
  "KVM_CAP_IRQCHIP",
  "KVM_CAP_IRQFD",
  "KVM_CAP_IOEVENTFD",
  "KVM_CAP_MP_STATE",
  "KVM_CAP_IMMEDIATE_EXIT",
];

export class Kvm implements Disposable {
  /** Of /dev/kvm itself. */
  readonly descriptor: RequestTarget & Disposable;

  /** @param descriptor of /dev/kvm, opened here or handed down by another process; it is owned from now on */
  constructor(descriptor: RequestTarget & Disposable) {
    this.descriptor = descriptor;
    try {
      this.#checkVersion();
      this.require(...REQUIRED);
    } catch (error) {
      descriptor[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Opens /dev/kvm.
   * @throws {UnsupportedError} where there is none, or one that can't do what we need
   * @throws {SyscallError} EACCES, EPERM: not for this user
   */
  static open(path = DEVICE): Kvm {
    return new Kvm(new KvmDescriptor(openDevice(path), path));
  }

  #checkVersion(): void {
    const version = this.descriptor.request("KVM_GET_API_VERSION", KVM_GET_API_VERSION);
    if (version !== KVM_API_VERSION) {
      throw new UnsupportedError(
        `KVM API version ${KVM_API_VERSION} (${DEVICE} has ${version})`,
        "2.6.22",
        "virtual machines need a newer kernel",
      );
    }
  }

  /** What KVM_CHECK_EXTENSION says: 0 for no, 1 for yes, or a number that the capability gives a meaning. */
  capability(name: CapabilityName): number {
    return Math.max(0, this.descriptor.tryRequest(KVM_CHECK_EXTENSION, KVM_CAPS[name]));
  }

  /** @throws {UnsupportedError} that names what is missing */
  require(...names: readonly CapabilityName[]): void {
    requireCapabilities((name) => this.capability(name), names);
  }

  /** How many vCPUs a VM may have. */
  get maxVcpus(): number {
    // Kernels without the second have no more than they recommend (api.rst, 4.4).
    return this.capability("KVM_CAP_MAX_VCPUS") || this.capability("KVM_CAP_NR_VCPUS");
  }

  /**
   * A VM without memory, devices or vCPUs.
   * @throws {SyscallError} EBUSY: another hypervisor has the processor's virtualisation
   */
  createVm(): Vm {
    const runBytes = this.descriptor.request("KVM_GET_VCPU_MMAP_SIZE", KVM_GET_VCPU_MMAP_SIZE);
    const limits = {
      maxVcpus: this.maxVcpus,
      maxMemorySlots: this.capability("KVM_CAP_NR_MEMSLOTS"),
      runBytes,
    };
    return new Vm(new KvmDescriptor(this.#createVm(), "a VM"), limits);
  }

  /** The kernel gives up with EINTR when any signal comes meanwhile, and this process has many. */
  #createVm(): number {
    let result = -ERRNO.EINTR;
    for (let i = 0; i < CREATE_VM_ATTEMPTS && result === -ERRNO.EINTR; i++) {
      result = this.descriptor.tryRequest(KVM_CREATE_VM, 0);
    }
    if (result < 0) {
      const remedy =
        result === -ERRNO.EBUSY ? " (another hypervisor has the processor's virtualisation)" : "";
      throw new SyscallError("ioctl", -result, `KVM_CREATE_VM of ${DEVICE}${remedy}`);
    }
    return result;
  }

  [Symbol.dispose](): void {
    this.descriptor[Symbol.dispose]();
  }
}

/** openat(2), with what to do about the usual failures. */
function openDevice(path: string): number {
  try {
    const flags = O_RDWR | O_CLOEXEC;
    return syscall("openat", JSON.stringify(path), AT_FDCWD, cString(path), flags);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENXIO", "ENODEV")) {
      throw new UnsupportedError(
        path,
        "2.6.20",
        "load the module kvm_intel or kvm_amd, and enable virtualisation in the firmware or in the hypervisor",
      );
    }
    if (error instanceof SyscallError && isErrno(error, "EACCES", "EPERM")) {
      const remedy = "(who may use virtual machines is the group that it belongs to)";
      throw new SyscallError("open", error.errno, `${JSON.stringify(path)} ${remedy}`);
    }
    throw error;
  }
}
