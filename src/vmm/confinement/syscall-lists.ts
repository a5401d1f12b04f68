/**
 * The system calls that the threads of a virtual machine's monitor may make once it is confined, as data. What is on no
 * list ends the process. `docs/design/vmm.md` publishes and counts them, and a test holds the page against this.
 *
 * Found by reading what our code calls, and by measuring what the runtime does on its own: JavaScriptCore collects
 * garbage and compiles in whatever thread asks for it, and in helper threads that one of ours starts, which inherit its
 * filter. So each kind of thread has what the runtime needs, and what it does itself.
 */
import { PROT_EXEC } from "../../kernel/abi/memory.ts";
import { TUNSETOFFLOAD } from "../../kernel/abi/if-tun.ts";
import {
  KVM_CHECK_EXTENSION,
  KVM_GET_CLOCK,
  KVM_GET_MP_STATE,
  KVM_KVMCLOCK_CTRL,
  KVM_RUN,
} from "../../kernel/abi/kvm.ts";
import { F_GETFL, F_SETFL } from "../../kernel/abi/open.ts";
import { PR_SET_NAME, PR_SET_VMA } from "../../kernel/abi/prctl.ts";
import { CLONE_THREAD, NEW_NAMESPACES } from "../../kernel/abi/sched.ts";
import { AF_UNIX } from "../../kernel/abi/unix.ts";
import {
  KVM_GET_CPUID2,
  KVM_GET_DEBUGREGS,
  KVM_GET_IRQCHIP,
  KVM_GET_LAPIC,
  KVM_GET_MSR_INDEX_LIST,
  KVM_GET_MSRS,
  KVM_GET_PIT2,
  KVM_GET_REGS,
  KVM_GET_SREGS,
  KVM_GET_TSC_KHZ,
  KVM_GET_VCPU_EVENTS,
  KVM_GET_XCRS,
  KVM_GET_XSAVE,
  KVM_GET_XSAVE2,
} from "../../kernel/abi/x86-64/kvm.ts";
import type { AllowedCall, RefusedCall } from "../../kernel/process/seccomp-allowlist.ts";
import { KICK_SIGNAL } from "../../kernel/sys/thread.ts";

/** `main`: the control socket, snapshots, and the other threads' commands. */
export const THREAD_KINDS = ["main", "devices", "disks", "vcpu"] as const;
export type ThreadKind = (typeof THREAD_KINDS)[number];

/** Memory may be got, and never be made executable: the compiler has its own from the start. */
const NOT_EXECUTABLE = { argument: 2, mask: PROT_EXEC, values: [0] };

/** In every thread: what JavaScriptCore, Bun and the C library do on their own. */
export const RUNTIME: readonly AllowedCall[] = [
  // Memory.
  { name: "mmap", check: NOT_EXECUTABLE },
  { name: "mprotect", check: NOT_EXECUTABLE },
  { name: "munmap" },
  { name: "mremap" },
  { name: "madvise" },
  { name: "brk" },
  // Waiting for each other.
  { name: "futex" },
  { name: "membarrier" },
  { name: "sched_yield" },
  { name: "nanosleep" },
  { name: "clock_nanosleep" },
  { name: "restart_syscall" },
  // Threads: their start, their names, their end.
  {
    name: "clone",
    check: { argument: 0, mask: CLONE_THREAD | NEW_NAMESPACES, values: [CLONE_THREAD] },
  },
  { name: "rseq" },
  { name: "set_robust_list" },
  { name: "sigaltstack" },
  { name: "sched_getaffinity" },
  { name: "prctl", check: { argument: 0, values: [PR_SET_NAME, PR_SET_VMA] } },
  { name: "getpid" },
  { name: "gettid" },
  { name: "exit" },
  { name: "exit_group" },
  // Signals between threads of this process, which is alone in its process id namespace. JavaScriptCore stops a thread by
  // one, where it waits for the next, to look at its stack: when a Worker ends, for instance.
  { name: "rt_sigsuspend" },
  { name: "tgkill" },
  { name: "rt_sigprocmask" },
  { name: "rt_sigreturn" },
  // Time, where the machine's clock can't be read without the kernel.
  { name: "clock_gettime" },
  { name: "gettimeofday" },
  { name: "getrusage" },
  { name: "sysinfo" },
  { name: "getrandom" },
  // What is open: eventfds above all.
  { name: "read" },
  { name: "write" },
  { name: "close" },
  { name: "poll" },
  { name: "ppoll" },
  // Bun's event loop, which every thread comes by at its end.
  { name: "epoll_ctl" },
  { name: "epoll_wait" },
  { name: "epoll_pwait" },
  { name: "epoll_pwait2" },
];

/** Until a thread has its own list: a further filter, which can only take away. */
export const NARROWING: readonly AllowedCall[] = [
  { name: "seccomp", check: { argument: 1, values: [0] } },
];

/** In every thread: what fails as it does on a poorer system, and is lived without. */
export const REFUSED: readonly RefusedCall[] = [
  // Nothing is opened by a name, or looked at. JavaScriptCore asks for /proc/self/statm at every collection.
  { name: "open", errno: "EACCES" },
  { name: "openat", errno: "EACCES" },
  { name: "stat", errno: "EACCES" },
  { name: "newfstatat", errno: "EACCES" },
  { name: "statx", errno: "EACCES" },
  { name: "access", errno: "EACCES" },
  { name: "faccessat2", errno: "EACCES" },
  { name: "readlink", errno: "EACCES" },
  { name: "readlinkat", errno: "EACCES" },
  // No filter can see its flags; the C library takes clone(2) then.
  { name: "clone3", errno: "ENOSYS" },
  // Nobody's place in the machine is changed, nor what it may take.
  { name: "sched_setaffinity", errno: "EPERM" },
  { name: "sched_setattr", errno: "EPERM" },
  { name: "sched_setparam", errno: "EPERM" },
  { name: "sched_setscheduler", errno: "EPERM" },
  { name: "setpriority", errno: "EPERM" },
  { name: "prlimit64", errno: "EPERM" },
];

/** What each kind of thread does itself, beside {@link RUNTIME}. */
export const OWN: Readonly<Record<ThreadKind, readonly AllowedCall[]>> = {
  main: [
    // The control socket.
    { name: "recvmsg" },
    { name: "sendmsg" },
    { name: "eventfd2" },
    // The machine's state, for a snapshot; the guest's clock is told of pauses.
    {
      name: "ioctl",
      check: {
        argument: 1,
        values: [
          KVM_GET_REGS,
          KVM_GET_SREGS,
          KVM_GET_MSRS,
          KVM_GET_LAPIC,
          KVM_GET_VCPU_EVENTS,
          KVM_GET_DEBUGREGS,
          KVM_GET_XSAVE,
          KVM_GET_XSAVE2,
          KVM_GET_XCRS,
          KVM_GET_CPUID2,
          KVM_GET_TSC_KHZ,
          KVM_GET_MP_STATE,
          KVM_GET_IRQCHIP,
          KVM_GET_PIT2,
          KVM_GET_CLOCK,
          KVM_GET_MSR_INDEX_LIST,
          KVM_CHECK_EXTENSION,
          KVM_KVMCLOCK_CTRL,
        ],
      },
    },
    // The snapshot's files, whose descriptors come from the daemon.
    { name: "fstat" },
    { name: "lseek" },
    { name: "ftruncate" },
    { name: "pwrite64" },
    { name: "pwritev" },
    { name: "writev" },
    { name: "fdatasync" },
    { name: "fsync" },
  ],
  devices: [
    { name: "epoll_create1" },
    { name: "readv" },
    { name: "writev" },
    // Network.
    { name: "ioctl", check: { argument: 1, values: [TUNSETOFFLOAD] } },
    // Sockets of the host's, for vsock.
    { name: "socket", check: { argument: 0, values: [AF_UNIX] } },
    { name: "connect" },
    { name: "accept4" },
    { name: "sendto" },
    { name: "recvfrom" },
    { name: "shutdown" },
    { name: "getsockopt" },
    { name: "fcntl", check: { argument: 1, values: [F_GETFL, F_SETFL] } },
  ],
  disks: [
    { name: "preadv" },
    { name: "pwritev" },
    { name: "lseek" },
    { name: "fdatasync" },
    { name: "fallocate" },
  ],
  vcpu: [
    { name: "ioctl", check: { argument: 1, values: [KVM_RUN] } },
    // Its own handler of the signal that ends KVM_RUN.
    { name: "rt_sigaction", check: { argument: 0, values: [KICK_SIGNAL] } },
  ],
};
