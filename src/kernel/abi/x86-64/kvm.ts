/** What KVM has on x86-64 beside `../kvm.ts` (asm/kvm.h, and the requests of linux/kvm.h that take its structures). */
import { _IO, _IOR, _IOW, _IOWR } from "../ioctl.ts";
import { KVMIO } from "../kvm.ts";
import { block, layout } from "../layout.ts";

/** `struct kvm_regs` */
export const KVM_REGS = layout({
  rax: "u64",
  rbx: "u64",
  rcx: "u64",
  rdx: "u64",
  rsi: "u64",
  rdi: "u64",
  rsp: "u64",
  rbp: "u64",
  r8: "u64",
  r9: "u64",
  r10: "u64",
  r11: "u64",
  r12: "u64",
  r13: "u64",
  r14: "u64",
  r15: "u64",
  rip: "u64",
  rflags: "u64",
});

/** `struct kvm_segment` */
export const KVM_SEGMENT = layout({
  base: "u64",
  limit: "u32",
  selector: "u16",
  type: "u8",
  present: "u8",
  dpl: "u8",
  db: "u8",
  s: "u8",
  l: "u8",
  g: "u8",
  avl: "u8",
  unusable: "u8",
  padding: "u8",
});

/** `struct kvm_dtable` */
export const KVM_DTABLE = layout({ base: "u64", limit: "u16", padding: block(3, "u16") });

/** `struct kvm_sregs` */
export const KVM_SREGS = layout({
  cs: KVM_SEGMENT,
  ds: KVM_SEGMENT,
  es: KVM_SEGMENT,
  fs: KVM_SEGMENT,
  gs: KVM_SEGMENT,
  ss: KVM_SEGMENT,
  tr: KVM_SEGMENT,
  ldt: KVM_SEGMENT,
  gdt: KVM_DTABLE,
  idt: KVM_DTABLE,
  cr0: "u64",
  cr2: "u64",
  cr3: "u64",
  cr4: "u64",
  cr8: "u64",
  efer: "u64",
  apic_base: "u64",
  interrupt_bitmap: block(4, "u64"),
});

/** `struct kvm_fpu` */
export const KVM_FPU = layout({
  fpr: block(8 * 16),
  fcw: "u16",
  fsw: "u16",
  ftwx: "u8",
  pad1: "u8",
  last_opcode: "u16",
  last_ip: "u64",
  last_dp: "u64",
  xmm: block(16 * 16),
  mxcsr: "u32",
  pad2: "u32",
});

/** `struct kvm_lapic_state`: the registers of the local APIC, as its page has them. */
export const KVM_LAPIC_STATE = layout({ regs: block(0x400) });

/** `struct kvm_msr_entry` */
export const KVM_MSR_ENTRY = layout({ index: "u32", reserved: "u32", data: "u64" });
/** `struct kvm_msrs`, which its entries follow. */
export const KVM_MSRS = layout({ nmsrs: "u32", pad: "u32", entries: block(0, KVM_MSR_ENTRY) });
/** `struct kvm_msr_list`, which as many numbers of 32 bits follow. */
export const KVM_MSR_LIST = layout({ nmsrs: "u32" });

/** `struct kvm_cpuid_entry2` */
export const KVM_CPUID_ENTRY2 = layout({
  function: "u32",
  index: "u32",
  flags: "u32",
  eax: "u32",
  ebx: "u32",
  ecx: "u32",
  edx: "u32",
  padding: block(3, "u32"),
});
/** The entry is for its index (ECX) alone. */
export const KVM_CPUID_FLAG_SIGNIFCANT_INDEX = 1;
/** `struct kvm_cpuid2`, which its entries follow. */
export const KVM_CPUID2 = layout({ nent: "u32", padding: "u32" });

/** `struct kvm_pit_config` */
export const KVM_PIT_CONFIG = layout({ flags: "u32", pad: block(15, "u32") });
/** The PIT answers port 0x61, the speaker's, as well. */
export const KVM_PIT_SPEAKER_DUMMY = 1;

/** `struct kvm_irqchip` */
export const KVM_IRQCHIP = layout({ chip_id: "u32", pad: "u32", chip: block(64, "u64") });
export const KVM_IRQCHIP_PIC_MASTER = 0;
export const KVM_IRQCHIP_PIC_SLAVE = 1;
export const KVM_IRQCHIP_IOAPIC = 2;

/** `struct kvm_pit_channel_state` */
export const KVM_PIT_CHANNEL_STATE = layout({
  count: "u32",
  latched_count: "u16",
  count_latched: "u8",
  status_latched: "u8",
  status: "u8",
  read_state: "u8",
  write_state: "u8",
  write_latch: "u8",
  rw_mode: "u8",
  mode: "u8",
  bcd: "u8",
  gate: "u8",
  count_load_time: "i64",
});
/** `struct kvm_pit_state2` */
export const KVM_PIT_STATE2 = layout({
  channels: block(3, KVM_PIT_CHANNEL_STATE),
  flags: "u32",
  reserved: block(9, "u32"),
});

/** `struct kvm_vcpu_events` */
export const KVM_VCPU_EVENTS = layout({
  exception_injected: "u8",
  exception_nr: "u8",
  exception_has_error_code: "u8",
  exception_pending: "u8",
  exception_error_code: "u32",
  interrupt: block(4),
  nmi: block(4),
  sipi_vector: "u32",
  flags: "u32",
  smi: block(4),
  triple_fault_pending: "u8",
  reserved: block(26),
  exception_has_payload: "u8",
  exception_payload: "u64",
});

/** `struct kvm_debugregs` */
export const KVM_DEBUGREGS = layout({
  db: block(4, "u64"),
  dr6: "u64",
  dr7: "u64",
  flags: "u64",
  reserved: block(9, "u64"),
});

/** `struct kvm_xsave`; KVM_GET_XSAVE2 may write more, as much as KVM_CAP_XSAVE2 says. */
export const KVM_XSAVE = layout({ region: block(1024, "u32") });

/** `struct kvm_xcrs` */
export const KVM_XCRS = layout({
  nr_xcrs: "u32",
  flags: "u32",
  xcrs: block(2 * 16, "u64"),
  padding: block(16, "u64"),
});

// Of /dev/kvm.
export const KVM_GET_MSR_INDEX_LIST = _IOWR(KVMIO, 0x02, KVM_MSR_LIST.size);
export const KVM_GET_SUPPORTED_CPUID = _IOWR(KVMIO, 0x05, KVM_CPUID2.size);

// Of a VM.
export const KVM_SET_TSS_ADDR = _IO(KVMIO, 0x47);
export const KVM_SET_IDENTITY_MAP_ADDR = _IOW(KVMIO, 0x48, 8);
export const KVM_GET_IRQCHIP = _IOWR(KVMIO, 0x62, KVM_IRQCHIP.size);
export const KVM_SET_IRQCHIP = _IOR(KVMIO, 0x63, KVM_IRQCHIP.size);
export const KVM_CREATE_PIT2 = _IOW(KVMIO, 0x77, KVM_PIT_CONFIG.size);
export const KVM_GET_PIT2 = _IOR(KVMIO, 0x9f, KVM_PIT_STATE2.size);
export const KVM_SET_PIT2 = _IOW(KVMIO, 0xa0, KVM_PIT_STATE2.size);

// Of a vCPU.
export const KVM_GET_REGS = _IOR(KVMIO, 0x81, KVM_REGS.size);
export const KVM_SET_REGS = _IOW(KVMIO, 0x82, KVM_REGS.size);
export const KVM_GET_SREGS = _IOR(KVMIO, 0x83, KVM_SREGS.size);
export const KVM_SET_SREGS = _IOW(KVMIO, 0x84, KVM_SREGS.size);
export const KVM_GET_MSRS = _IOWR(KVMIO, 0x88, KVM_MSRS.size);
export const KVM_SET_MSRS = _IOW(KVMIO, 0x89, KVM_MSRS.size);
export const KVM_SET_FPU = _IOW(KVMIO, 0x8d, KVM_FPU.size);
export const KVM_GET_LAPIC = _IOR(KVMIO, 0x8e, KVM_LAPIC_STATE.size);
export const KVM_SET_LAPIC = _IOW(KVMIO, 0x8f, KVM_LAPIC_STATE.size);
export const KVM_SET_CPUID2 = _IOW(KVMIO, 0x90, KVM_CPUID2.size);
export const KVM_GET_CPUID2 = _IOWR(KVMIO, 0x91, KVM_CPUID2.size);
export const KVM_GET_VCPU_EVENTS = _IOR(KVMIO, 0x9f, KVM_VCPU_EVENTS.size);
export const KVM_SET_VCPU_EVENTS = _IOW(KVMIO, 0xa0, KVM_VCPU_EVENTS.size);
export const KVM_GET_DEBUGREGS = _IOR(KVMIO, 0xa1, KVM_DEBUGREGS.size);
export const KVM_SET_DEBUGREGS = _IOW(KVMIO, 0xa2, KVM_DEBUGREGS.size);
export const KVM_SET_TSC_KHZ = _IO(KVMIO, 0xa2);
export const KVM_GET_TSC_KHZ = _IO(KVMIO, 0xa3);
export const KVM_GET_XSAVE = _IOR(KVMIO, 0xa4, KVM_XSAVE.size);
export const KVM_SET_XSAVE = _IOW(KVMIO, 0xa5, KVM_XSAVE.size);
export const KVM_GET_XCRS = _IOR(KVMIO, 0xa6, KVM_XCRS.size);
export const KVM_SET_XCRS = _IOW(KVMIO, 0xa7, KVM_XCRS.size);
export const KVM_GET_XSAVE2 = _IOR(KVMIO, 0xcf, KVM_XSAVE.size);
