/**
 * The default filter of system calls (seccomp(2)): what a container runtime's default refuses is refused here, too.
 * A process gets EPERM for what is for administrators of the machine, unless it has the capability for that, and ENOSYS
 * for what libraries do without then: clone3(2), whose flags no filter can see, and whatever is newer than this table.
 */
import { CAPABILITIES, type CapabilityName } from "../abi/capability.ts";
import { ERRNO } from "../abi/errno.ts";
import { BPF_JEQ } from "../abi/filter.ts";
import {
  FILTERED,
  type FilteredSyscall,
  LAST_SYSCALL,
  NEWER_SYSCALLS,
} from "../abi/filtered-syscalls.ts";
import { NEW_NAMESPACES } from "../abi/sched.ts";
import { SECCOMP_DATA, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO } from "../abi/seccomp.ts";
import { and, type Instruction, load, type Range, ret, when } from "./bpf-program.ts";
import { filterByNumber } from "./seccomp-filter.ts";

const EPERM = SECCOMP_RET_ERRNO | ERRNO.EPERM;
const ENOSYS = SECCOMP_RET_ERRNO | ERRNO.ENOSYS;
const ALLOW = SECCOMP_RET_ALLOW;

/** What is refused without a capability; `null`: to everybody. */
const REFUSED: readonly (readonly [CapabilityName | null, readonly FilteredSyscall[]])[] = [
  [
    "CAP_SYS_ADMIN",
    [
      "mount",
      "umount2",
      "pivot_root",
      "move_mount",
      "open_tree",
      "fsopen",
      "fsconfig",
      "fsmount",
      "fspick",
      "mount_setattr",
      "setns",
      "unshare",
      "sethostname",
      "setdomainname",
      "quotactl",
      "quotactl_fd",
      "fanotify_init",
      "lookup_dcookie",
      "swapon",
      "swapoff",
    ],
  ],
  ["CAP_SYS_BOOT", ["reboot", "kexec_load", "kexec_file_load"]],
  ["CAP_SYS_MODULE", ["init_module", "finit_module", "delete_module"]],
  ["CAP_SYS_TIME", ["settimeofday", "clock_settime"]],
  ["CAP_SYS_RAWIO", ["iopl", "ioperm"]],
  ["CAP_SYS_CHROOT", ["chroot"]],
  ["CAP_SYS_PACCT", ["acct"]],
  ["CAP_SYS_TTY_CONFIG", ["vhangup"]],
  ["CAP_SYSLOG", ["syslog"]],
  [
    "CAP_SYS_NICE",
    [
      "get_mempolicy",
      "set_mempolicy",
      "set_mempolicy_home_node",
      "mbind",
      "move_pages",
      "migrate_pages",
    ],
  ],
  ["CAP_SYS_PTRACE", ["pidfd_getfd", "kcmp", "process_madvise"]],
  ["CAP_DAC_READ_SEARCH", ["open_by_handle_at"]],
  ["CAP_BPF", ["bpf"]],
  ["CAP_PERFMON", ["perf_event_open"]],
  [
    null,
    [
      // Keys are not namespaced, and io_uring(7) and userfaultfd(2) have been ways into the kernel too often.
      "add_key",
      "request_key",
      "keyctl",
      "io_uring_setup",
      "io_uring_enter",
      "io_uring_register",
      "userfaultfd",
      "name_to_handle_at",
      // Of the past.
      "uselib",
      "ustat",
      "sysfs",
      "_sysctl",
      "nfsservctl",
      "create_module",
      "get_kernel_syms",
      "query_module",
      "vserver",
      "afs_syscall",
      "getpmsg",
      "putpmsg",
      "tuxcall",
      "security",
    ],
  ],
];

/** personality(2): Linux, 32-bit Linux, each with the old version number; and the question which it is. */
const PERSONALITIES = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];
/** Sockets to other virtual machines and to the host (vsock(7)); they know no network namespace. */
const AF_VSOCK = 40;

const FIRST_ARGUMENT = SECCOMP_DATA.offsets.args; // its lower half

function checks(isAdministrator: boolean): Record<string, readonly Instruction[]> {
  return {
    clone: isAdministrator
      ? [ret(ALLOW)]
      : [load(FIRST_ARGUMENT), and(NEW_NAMESPACES), ...when(BPF_JEQ, 0, [ret(ALLOW)]), ret(EPERM)],
    personality: [
      load(FIRST_ARGUMENT),
      ...PERSONALITIES.flatMap((value) => when(BPF_JEQ, value, [ret(ALLOW)])),
      ret(EPERM),
    ],
    socket: [load(FIRST_ARGUMENT), ...when(BPF_JEQ, AF_VSOCK, [ret(EPERM)]), ret(ALLOW)],
  };
}

function ranges(capabilities: bigint, isAdministrator: boolean): Range[] {
  const has = (name: CapabilityName | null): boolean =>
    name !== null && ((capabilities >> BigInt(CAPABILITIES[name])) & 1n) === 1n;
  const outcomes = new Map<number, Range["outcome"]>();
  for (const [capability, names] of REFUSED) {
    for (const name of names) {
      outcomes.set(FILTERED[name], has(capability) ? ALLOW : EPERM);
    }
  }
  outcomes.set(FILTERED.clone3, isAdministrator ? ALLOW : ENOSYS);
  for (const name of ["clone", "personality", "socket"] as const) {
    outcomes.set(FILTERED[name], name);
  }
  const newer = new Set<number>(Object.values(NEWER_SYSCALLS));
  const last = Math.max(...newer);
  const all: Range[] = [];
  for (let number = 0; number <= last; number++) {
    const isKnown = number <= LAST_SYSCALL || newer.has(number);
    all.push({ from: number, outcome: outcomes.get(number) ?? (isKnown ? ALLOW : ENOSYS) });
  }
  // Numbers of the x32 ABI are beyond all others.
  all.push({ from: last + 1, outcome: ENOSYS });
  return all;
}

/**
 * The filter as `struct sock_filter[]`, for x86-64; a call by another architecture's door ends the process.
 * @param capabilities what the process has: bit N is capability N; what is only for those it has not is refused
 */
export function defaultSeccompFilter(capabilities = 0n): Uint8Array {
  const isAdministrator = ((capabilities >> BigInt(CAPABILITIES.CAP_SYS_ADMIN)) & 1n) === 1n;
  return filterByNumber(ranges(capabilities, isAdministrator), checks(isAdministrator));
}
