/** waitid(2) and epoll(7) as the kernel's headers lay them out (asm-generic/siginfo.h, linux/wait.h, linux/eventpoll.h). */
import { layout } from "./layout.ts";

export const P_ALL = 0;
export const P_PIDFD = 3;
export const WNOHANG = 1;
export const WEXITED = 4;
export const WNOWAIT = 0x01000000;

export const CLD_EXITED = 1;
export const CLD_KILLED = 2;
export const CLD_DUMPED = 3;

/** The bytes that the kernel writes of a `siginfo_t`. */
export const SIGINFO_BYTES = 128;

/** The head of `siginfo_t` as waitid(2) fills it. */
export const SIGINFO = layout({
  si_signo: "i32",
  si_errno: "i32",
  si_code: "i32",
  pad: "i32",
  si_pid: "i32",
  si_uid: "u32",
  si_status: "i32",
});

export const EPOLL_CLOEXEC = 0o2000000;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLLIN = 1;
export const EPOLLOUT = 4;
export const EPOLLERR = 8;
export const EPOLLHUP = 0x10;
export const EPOLLRDHUP = 0x2000;
export const EPOLLET = 0x80000000;

/** `struct epoll_event` is packed on x86-64: u32 events, u64 data. */
export const EPOLL_EVENT_BYTES = 12;
