/**
 * Every number and every layout in `src/kernel/abi` against the kernel's headers. The names there are the kernel's own,
 * so a module's exports are the facts; this table says which headers have them, and what the exceptions are.
 */
import { describe, expect, test } from "bun:test";
import { inRoot } from "../../build/paths.ts";
import { CAPABILITIES } from "../../src/kernel/abi/capability.ts";
import { CONFINED } from "../../src/kernel/abi/confined-syscalls.ts";
import { ERRNO } from "../../src/kernel/abi/errno.ts";
import { FILTERED, NEWER_SYSCALLS } from "../../src/kernel/abi/filtered-syscalls.ts";
import { _IO, _IOR, _IOW, _IOWR } from "../../src/kernel/abi/ioctl.ts";
import { KVM_CAPS } from "../../src/kernel/abi/kvm.ts";
import { SYS } from "../../src/kernel/abi/syscalls.ts";
import { isTest, sourcesIn } from "../arch/sources.ts";
import { type CFact, layoutFacts, wrongFacts } from "./c-facts.ts";

interface Structure {
  readonly type: string;
  /** Only the first fields are laid out: the size is not C's. */
  readonly isHead?: boolean;
  /** Our name of a field -> C's, where that is inside another one. */
  readonly fields?: Readonly<Record<string, string>>;
}

interface AbiModule {
  readonly headers: readonly string[];
  /** C's structure for each layout. */
  readonly structs?: Readonly<Record<string, Structure>>;
  /** Our name of a number -> the C expression for it, where C has no such name. */
  readonly expressions?: Readonly<Record<string, string>>;
  /** What is in tables and functions. */
  readonly facts?: readonly CFact[];
}

function numbers(table: Readonly<Record<string, number>>, prefix = ""): CFact[] {
  return Object.entries(table).map(([name, value]) => ({ expression: `${prefix}${name}`, value }));
}

/** Numbers that the headers need not have yet: they are compared where the headers do. */
function unlessKnown(table: Readonly<Record<string, number>>, prefix: string): string[] {
  return Object.entries(table).map(([name, value]) => {
    const macro = `${prefix}${name}`;
    return `#ifndef ${macro}\n#define ${macro} ${value}\n#endif`;
  });
}

/** `struct kvm_run` with these fields of one member of its union. */
function runFor(member: string, ...names: readonly string[]): Structure {
  const fields = Object.fromEntries(names.map((name) => [name, `${member}.${name}`]));
  return { type: "struct kvm_run", isHead: true, fields };
}

const MODULES: Readonly<Record<string, AbiModule>> = {
  audit: { headers: ["linux/audit.h"] },
  capability: { headers: ["linux/capability.h"], facts: numbers(CAPABILITIES) },
  "confined-syscalls": { headers: ["asm/unistd.h"], facts: numbers(CONFINED, "__NR_") },
  errno: { headers: ["asm/errno.h"], facts: numbers(ERRNO) },
  eventfd: { headers: ["sys/eventfd.h"] },
  falloc: { headers: ["linux/falloc.h"] },
  filter: {
    headers: ["linux/filter.h"],
    structs: { SOCK_FILTER: { type: "struct sock_filter" } },
  },
  "filtered-syscalls": {
    headers: ["asm/unistd.h", ...unlessKnown(NEWER_SYSCALLS, "__NR_")],
    facts: [...numbers(FILTERED, "__NR_"), ...numbers(NEWER_SYSCALLS, "__NR_")],
    expressions: {
      LAST_SYSCALL: "__NR_set_mempolicy_home_node",
      X32_SYSCALL_BIT: "__X32_SYSCALL_BIT",
    },
  },
  "if-tun": {
    headers: ["linux/if.h", "linux/ioctl.h", "linux/if_tun.h"],
    expressions: {
      IFREQ_BYTES: "sizeof(struct ifreq)",
      IFREQ_FLAGS_OFFSET: "offsetof(struct ifreq, ifr_flags)",
    },
  },
  input: {
    headers: ["linux/input.h"],
    structs: {
      INPUT_EVENT: {
        type: "struct input_event",
        fields: { tv_sec: "time.tv_sec", tv_usec: "time.tv_usec" },
      },
    },
  },
  ioctl: {
    headers: ["linux/ioctl.h"],
    facts: [
      { expression: "_IO(0xae, 0x80)", value: _IO(0xae, 0x80) },
      { expression: "_IOR(0xae, 0x81, char[144])", value: _IOR(0xae, 0x81, 144) },
      { expression: "_IOW(0xae, 0x82, char[144])", value: _IOW(0xae, 0x82, 144) },
      { expression: "_IOWR(0xae, 0x05, char[8])", value: _IOWR(0xae, 0x05, 8) },
    ],
  },
  kvm: {
    headers: ["linux/kvm.h"],
    facts: numbers(KVM_CAPS),
    structs: {
      KVM_USERSPACE_MEMORY_REGION: { type: "struct kvm_userspace_memory_region" },
      KVM_IRQ_LEVEL: { type: "struct kvm_irq_level" },
      KVM_IRQFD_ARGUMENT: { type: "struct kvm_irqfd" },
      KVM_IOEVENTFD_ARGUMENT: { type: "struct kvm_ioeventfd" },
      KVM_MP_STATE: { type: "struct kvm_mp_state" },
      KVM_CLOCK_DATA: { type: "struct kvm_clock_data" },
      KVM_RUN_HEAD: { type: "struct kvm_run", isHead: true },
      KVM_RUN_HW: runFor("hw", "hardware_exit_reason"),
      KVM_RUN_FAIL_ENTRY: runFor("fail_entry", "hardware_entry_failure_reason", "cpu"),
      KVM_RUN_IO: runFor("io", "direction", "size", "port", "count", "data_offset"),
      KVM_RUN_MMIO: runFor("mmio", "phys_addr", "data", "len", "is_write"),
      KVM_RUN_INTERNAL: runFor("internal", "suberror", "ndata", "data"),
      KVM_RUN_SYSTEM_EVENT: runFor("system_event", "type", "ndata", "data"),
    },
  },
  layout: { headers: [] },
  memfd: { headers: ["linux/memfd.h", ...unlessKnown({ MFD_EXEC: 0x10 }, "")] },
  memory: { headers: ["linux/mman.h", "asm-generic/mman.h"] },
  mount: { headers: ["sys/mount.h"] },
  netlink: {
    headers: ["sys/socket.h", "linux/if.h", "linux/netlink.h", "linux/rtnetlink.h"],
    structs: {
      SOCKADDR_NL: { type: "struct sockaddr_nl" },
      NLMSGHDR: { type: "struct nlmsghdr" },
      IFINFOMSG: { type: "struct ifinfomsg" },
      IFADDRMSG: { type: "struct ifaddrmsg" },
      RTMSG: { type: "struct rtmsg" },
      RTATTR: { type: "struct rtattr" },
    },
  },
  open: {
    headers: ["fcntl.h", "unistd.h"],
    structs: { FLOCK: { type: "struct flock" } },
  },
  pidfd: {
    // The headers of Debian 12 are older than this structure.
    headers: ["linux/ioctl.h", `#include "${inRoot("test/abi/pidfd-info.h")}"`],
    structs: { PIDFD_INFO: { type: "struct pidfd_info" } },
  },
  poll: { headers: ["poll.h"] },
  prctl: { headers: ["linux/prctl.h"] },
  reboot: { headers: ["linux/reboot.h"] },
  resource: {
    headers: ["linux/resource.h"],
    structs: {
      RUSAGE: {
        type: "struct rusage",
        isHead: true,
        fields: {
          utime_sec: "ru_utime.tv_sec",
          utime_usec: "ru_utime.tv_usec",
          stime_sec: "ru_stime.tv_sec",
          stime_usec: "ru_stime.tv_usec",
        },
      },
    },
    expressions: { RLIM_INFINITY: "~0ULL", RUSAGE_BYTES: "sizeof(struct rusage)" },
  },
  sched: {
    headers: ["linux/sched.h", "linux/sched/types.h"],
    structs: { SCHED_ATTR: { type: "struct sched_attr" } },
    expressions: {
      // As the kernel calls it; SCHED_OTHER is the C library's name.
      SCHED_OTHER: "SCHED_NORMAL",
      NEW_NAMESPACES:
        "CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET",
    },
  },
  seccomp: {
    headers: ["linux/seccomp.h"],
    structs: { SECCOMP_DATA: { type: "struct seccomp_data" } },
  },
  signal: { headers: ["asm/signal.h"] },
  syscalls: { headers: ["asm/unistd_64.h"], facts: numbers(SYS, "__NR_") },
  tty: {
    headers: ["asm/ioctls.h", "asm/termios.h"],
    structs: { WINSIZE: { type: "struct winsize" } },
  },
  unix: {
    // The C library's own struct msghdr has other types of the same size and place.
    headers: ["sys/socket.h", "sys/un.h", "fcntl.h", "sys/uio.h"],
    structs: {
      MSGHDR: { type: "struct msghdr" },
      IOVEC: { type: "struct iovec" },
      CMSGHDR: { type: "struct cmsghdr", isHead: true },
      UCRED: { type: "struct ucred" },
    },
    expressions: { SOCKADDR_UN_BYTES: "sizeof(struct sockaddr_un)" },
  },
  virtio: {
    headers: [
      "linux/virtio_config.h",
      "linux/virtio_ids.h",
      "linux/virtio_mmio.h",
      "linux/virtio_ring.h",
    ],
    structs: {
      VRING_DESC: { type: "struct vring_desc" },
      VRING_USED_ELEM: { type: "struct vring_used_elem" },
    },
  },
  "virtio-balloon": {
    headers: ["linux/virtio_balloon.h"],
    structs: { BALLOON_CONFIG: { type: "struct virtio_balloon_config" } },
    expressions: { BALLOON_STAT_BYTES: "sizeof(struct virtio_balloon_stat)" },
  },
  "virtio-blk": {
    headers: ["linux/virtio_blk.h"],
    structs: {
      BLK_OUTHDR: { type: "struct virtio_blk_outhdr" },
      BLK_RANGE: { type: "struct virtio_blk_discard_write_zeroes" },
      BLK_CONFIG: { type: "struct virtio_blk_config", isHead: true },
    },
  },
  "virtio-console": {
    headers: ["linux/virtio_console.h"],
    structs: { CONSOLE_CONFIG: { type: "struct virtio_console_config" } },
  },
  "virtio-net": {
    headers: ["linux/virtio_net.h"],
    structs: { NET_HDR: { type: "struct virtio_net_hdr_v1" } },
  },
  "virtio-vsock": {
    headers: ["linux/virtio_vsock.h", "sys/socket.h", "linux/ioctl.h", "linux/vm_sockets.h"],
    structs: { VSOCK_HDR: { type: "struct virtio_vsock_hdr", isHead: true } },
    expressions: {
      VSOCK_HDR_BYTES: "sizeof(struct virtio_vsock_hdr)",
      SOCKADDR_VM_BYTES: "sizeof(struct sockaddr_vm)",
      SVM_PORT: "offsetof(struct sockaddr_vm, svm_port)",
      SVM_CID: "offsetof(struct sockaddr_vm, svm_cid)",
    },
  },
  wait: {
    headers: ["sys/wait.h", "sys/epoll.h", "signal.h"],
    structs: { SIGINFO: { type: "siginfo_t", isHead: true } },
    expressions: {
      SIGINFO_BYTES: "sizeof(siginfo_t)",
      EPOLL_EVENT_BYTES: "sizeof(struct epoll_event)",
    },
  },
  "x86-64/kvm": {
    headers: ["linux/kvm.h"],
    structs: {
      KVM_REGS: { type: "struct kvm_regs" },
      KVM_SEGMENT: { type: "struct kvm_segment" },
      KVM_DTABLE: { type: "struct kvm_dtable" },
      KVM_SREGS: { type: "struct kvm_sregs" },
      KVM_FPU: { type: "struct kvm_fpu" },
      KVM_LAPIC_STATE: { type: "struct kvm_lapic_state" },
      KVM_MSR_ENTRY: { type: "struct kvm_msr_entry" },
      KVM_MSRS: { type: "struct kvm_msrs" },
      KVM_MSR_LIST: { type: "struct kvm_msr_list" },
      KVM_CPUID_ENTRY2: { type: "struct kvm_cpuid_entry2" },
      KVM_CPUID2: { type: "struct kvm_cpuid2" },
      KVM_PIT_CONFIG: { type: "struct kvm_pit_config" },
      KVM_IRQCHIP: { type: "struct kvm_irqchip" },
      KVM_PIT_CHANNEL_STATE: { type: "struct kvm_pit_channel_state" },
      KVM_PIT_STATE2: { type: "struct kvm_pit_state2" },
      KVM_VCPU_EVENTS: {
        type: "struct kvm_vcpu_events",
        fields: {
          exception_injected: "exception.injected",
          exception_nr: "exception.nr",
          exception_has_error_code: "exception.has_error_code",
          exception_pending: "exception.pending",
          exception_error_code: "exception.error_code",
          triple_fault_pending: "triple_fault.pending",
        },
      },
      KVM_DEBUGREGS: { type: "struct kvm_debugregs" },
      KVM_XSAVE: { type: "struct kvm_xsave" },
      KVM_XCRS: { type: "struct kvm_xcrs" },
    },
  },
};

type LaidOut = Parameters<typeof layoutFacts>[1];

function isLayout(value: unknown): value is LaidOut {
  return typeof value === "object" && value !== null && "size" in value && "offsets" in value;
}

function structFacts(structure: Structure, { size, offsets }: LaidOut): CFact[] {
  const { type, isHead = false, fields = {} } = structure;
  const named = Object.entries(offsets).map(([name, at]) => [fields[name] ?? name, at] as const);
  const facts = layoutFacts(type, { size, offsets: Object.fromEntries(named) });
  return isHead ? facts.slice(1) : facts;
}

/** The facts that a module's exports are. */
function factsOf(exports: Readonly<Record<string, unknown>>, module: AbiModule): CFact[] {
  const facts = [...(module.facts ?? [])];
  for (const [name, value] of Object.entries(exports)) {
    if (typeof value === "number" || typeof value === "bigint") {
      facts.push({ expression: module.expressions?.[name] ?? name, value });
    } else if (isLayout(value)) {
      const structure = module.structs?.[name];
      if (structure === undefined) {
        throw new Error(`no C structure is named for the layout ${name}`);
      }
      facts.push(...structFacts(structure, value));
    }
  }
  return facts;
}

test("every module of kernel/abi is held against the headers", () => {
  const names = sourcesIn("src/kernel/abi")
    .filter(({ path }) => !isTest(path))
    .map(({ path }) => path.replace(/^src\/kernel\/abi\/|\.ts$/g, ""))
    .toSorted();
  expect(names).toEqual(Object.keys(MODULES).toSorted());
});

describe("kernel/abi says what the kernel's headers say:", () => {
  test.each(Object.entries(MODULES))("%s", async (name, module) => {
    const exports = await import(`../../src/kernel/abi/${name}.ts`);
    expect(await wrongFacts(module.headers, factsOf(exports, module))).toEqual([]);
  });
});

test("wrongFacts tells a wrong number, a wrong offset, and a name that C does not know", async () => {
  const wrong = await wrongFacts(
    ["linux/netlink.h"],
    [
      { expression: "NETLINK_ROUTE", value: 0 },
      { expression: "NLM_F_ACK", value: 5 },
      ...layoutFacts("struct nlmsghdr", { size: 16, offsets: { nlmsg_type: 2, nlmsg_pid: 12 } }),
      { expression: "NO_SUCH_NAME", value: 1 },
    ],
  );
  // gcc has a second line on the name that it does not know.
  expect(wrong.slice(0, 3)).toEqual([
    expect.stringContaining("NLM_F_ACK is not 5"),
    expect.stringContaining("offsetof(struct nlmsghdr, nlmsg_type) is not 2"),
    expect.stringContaining("NO_SUCH_NAME"),
  ]);
});

test("wrongFacts compares numbers of 64 bits and negative ones by value", async () => {
  const facts = [
    { expression: "0xffffffffffffffffULL", value: 0xffff_ffff_ffff_ffffn },
    { expression: "-1", value: -1 },
    { expression: "0xfee1dead", value: 0xfee1dead },
  ];
  expect(await wrongFacts([], facts)).toEqual([]);
});
