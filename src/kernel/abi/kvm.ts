/**
 * KVM as linux/kvm.h has it for every architecture. What asm/kvm.h adds is in a folder by the architecture's name,
 * `x86-64/kvm.ts`. What each request does is in Documentation/virt/kvm/api.rst.
 */
import { _IO, _IOR, _IOW } from "./ioctl.ts";
import { block, layout } from "./layout.ts";

export const KVMIO = 0xae;
/** What every kernel since 2.6.22 answers to KVM_GET_API_VERSION. */
export const KVM_API_VERSION = 12;

/** Capabilities that KVM_CHECK_EXTENSION is asked for. */
export const KVM_CAPS = {
  KVM_CAP_IRQCHIP: 0,
  KVM_CAP_USER_MEMORY: 3,
  KVM_CAP_SET_TSS_ADDR: 4,
  KVM_CAP_EXT_CPUID: 7,
  KVM_CAP_NR_VCPUS: 9,
  KVM_CAP_NR_MEMSLOTS: 10,
  KVM_CAP_MP_STATE: 14,
  KVM_CAP_IRQFD: 32,
  KVM_CAP_PIT2: 33,
  KVM_CAP_PIT_STATE2: 35,
  KVM_CAP_IOEVENTFD: 36,
  KVM_CAP_SET_IDENTITY_MAP_ADDR: 37,
  KVM_CAP_ADJUST_CLOCK: 39,
  KVM_CAP_VCPU_EVENTS: 41,
  KVM_CAP_DEBUGREGS: 50,
  KVM_CAP_XSAVE: 55,
  KVM_CAP_XCRS: 56,
  KVM_CAP_TSC_CONTROL: 60,
  KVM_CAP_GET_TSC_KHZ: 61,
  KVM_CAP_MAX_VCPUS: 66,
  KVM_CAP_TSC_DEADLINE_TIMER: 72,
  KVM_CAP_KVMCLOCK_CTRL: 76,
  KVM_CAP_READONLY_MEM: 81,
  KVM_CAP_CHECK_EXTENSION_VM: 105,
  KVM_CAP_IOEVENTFD_ANY_LENGTH: 122,
  KVM_CAP_IMMEDIATE_EXIT: 136,
  KVM_CAP_XSAVE2: 208,
} as const;

/** `struct kvm_userspace_memory_region` */
export const KVM_USERSPACE_MEMORY_REGION = layout({
  slot: "u32",
  flags: "u32",
  guest_phys_addr: "u64",
  memory_size: "u64",
  userspace_addr: "u64",
});
export const KVM_MEM_READONLY = 2;

/** `struct kvm_irq_level` */
export const KVM_IRQ_LEVEL = layout({ irq: "u32", level: "u32" });

/** `struct kvm_irqfd` */
export const KVM_IRQFD_ARGUMENT = layout({
  fd: "u32",
  gsi: "u32",
  flags: "u32",
  resamplefd: "u32",
  pad: block(16),
});
export const KVM_IRQFD_FLAG_DEASSIGN = 1;

/** `struct kvm_ioeventfd` */
export const KVM_IOEVENTFD_ARGUMENT = layout({
  datamatch: "u64",
  addr: "u64",
  len: "u32",
  fd: "i32",
  flags: "u32",
  pad: block(36),
});
export const KVM_IOEVENTFD_FLAG_DATAMATCH = 1;
export const KVM_IOEVENTFD_FLAG_PIO = 2;
export const KVM_IOEVENTFD_FLAG_DEASSIGN = 4;

/** `struct kvm_mp_state` */
export const KVM_MP_STATE = layout({ mp_state: "u32" });
export const KVM_MP_STATE_RUNNABLE = 0;

/** `struct kvm_clock_data`, of Linux 5.16; before that, all behind the flags is padding. */
export const KVM_CLOCK_DATA = layout({
  clock: "u64",
  flags: "u32",
  pad0: "u32",
  realtime: "u64",
  host_tsc: "u64",
  pad: block(4, "u32"),
});

const RUN_HEAD = {
  request_interrupt_window: "u8",
  immediate_exit: "u8",
  padding1: block(6),
  exit_reason: "u32",
  ready_for_interrupt_injection: "u8",
  if_flag: "u8",
  flags: "u16",
  cr8: "u64",
  apic_base: "u64",
} as const;

/** `struct kvm_run` up to the union that the reason of the exit decides on. */
export const KVM_RUN_HEAD = layout(RUN_HEAD);

/** `struct kvm_run` for KVM_EXIT_UNKNOWN. */
export const KVM_RUN_HW = layout({ ...RUN_HEAD, hardware_exit_reason: "u64" });

/** `struct kvm_run` for KVM_EXIT_FAIL_ENTRY. */
export const KVM_RUN_FAIL_ENTRY = layout({
  ...RUN_HEAD,
  hardware_entry_failure_reason: "u64",
  cpu: "u32",
});

/** `struct kvm_run` for KVM_EXIT_IO. */
export const KVM_RUN_IO = layout({
  ...RUN_HEAD,
  direction: "u8",
  size: "u8",
  port: "u16",
  count: "u32",
  data_offset: "u64",
});
export const KVM_EXIT_IO_IN = 0;
export const KVM_EXIT_IO_OUT = 1;

/** `struct kvm_run` for KVM_EXIT_MMIO. */
export const KVM_RUN_MMIO = layout({
  ...RUN_HEAD,
  phys_addr: "u64",
  data: block(8),
  len: "u32",
  is_write: "u8",
});

/** `struct kvm_run` for KVM_EXIT_INTERNAL_ERROR. */
export const KVM_RUN_INTERNAL = layout({
  ...RUN_HEAD,
  suberror: "u32",
  ndata: "u32",
  data: block(16, "u64"),
});
export const KVM_INTERNAL_ERROR_EMULATION = 1;
export const KVM_INTERNAL_ERROR_SIMUL_EX = 2;
export const KVM_INTERNAL_ERROR_DELIVERY_EV = 3;
export const KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON = 4;

/** `struct kvm_run` for KVM_EXIT_SYSTEM_EVENT; the number of data words is of Linux 5.19. */
export const KVM_RUN_SYSTEM_EVENT = layout({
  ...RUN_HEAD,
  type: "u32",
  ndata: "u32",
  data: block(16, "u64"),
});
export const KVM_SYSTEM_EVENT_SHUTDOWN = 1;
export const KVM_SYSTEM_EVENT_RESET = 2;
export const KVM_SYSTEM_EVENT_CRASH = 3;

export const KVM_EXIT_IO = 2;
export const KVM_EXIT_DEBUG = 4;
export const KVM_EXIT_HLT = 5;
export const KVM_EXIT_MMIO = 6;
export const KVM_EXIT_IRQ_WINDOW_OPEN = 7;
export const KVM_EXIT_SHUTDOWN = 8;
export const KVM_EXIT_FAIL_ENTRY = 9;
export const KVM_EXIT_INTR = 10;
export const KVM_EXIT_INTERNAL_ERROR = 17;
export const KVM_EXIT_SYSTEM_EVENT = 24;

// Of /dev/kvm.
export const KVM_GET_API_VERSION = _IO(KVMIO, 0x00);
export const KVM_CREATE_VM = _IO(KVMIO, 0x01);
export const KVM_CHECK_EXTENSION = _IO(KVMIO, 0x03);
export const KVM_GET_VCPU_MMAP_SIZE = _IO(KVMIO, 0x04);

// Of a VM.
export const KVM_CREATE_VCPU = _IO(KVMIO, 0x41);
export const KVM_SET_USER_MEMORY_REGION = _IOW(KVMIO, 0x46, KVM_USERSPACE_MEMORY_REGION.size);
export const KVM_CREATE_IRQCHIP = _IO(KVMIO, 0x60);
export const KVM_IRQ_LINE = _IOW(KVMIO, 0x61, KVM_IRQ_LEVEL.size);
export const KVM_IRQFD = _IOW(KVMIO, 0x76, KVM_IRQFD_ARGUMENT.size);
export const KVM_IOEVENTFD = _IOW(KVMIO, 0x79, KVM_IOEVENTFD_ARGUMENT.size);
export const KVM_SET_CLOCK = _IOW(KVMIO, 0x7b, KVM_CLOCK_DATA.size);
export const KVM_GET_CLOCK = _IOR(KVMIO, 0x7c, KVM_CLOCK_DATA.size);

// Of a vCPU.
export const KVM_RUN = _IO(KVMIO, 0x80);
export const KVM_GET_MP_STATE = _IOR(KVMIO, 0x98, KVM_MP_STATE.size);
export const KVM_SET_MP_STATE = _IOW(KVMIO, 0x99, KVM_MP_STATE.size);
export const KVM_KVMCLOCK_CTRL = _IO(KVMIO, 0xad);
