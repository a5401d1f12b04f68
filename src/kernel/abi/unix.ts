/** Unix sockets with the sender's credentials (sys/socket.h, linux/socket.h, asm-generic/socket.h, unix(7)). */
import { layout } from "./layout.ts";

export const AF_UNIX = 1;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_SEQPACKET = 5;
export const SOCK_CLOEXEC = 0o2000000;
export const SOCK_NONBLOCK = 0o4000;
export const SHUT_RD = 0;
export const SHUT_WR = 1;
export const SOL_SOCKET = 1;
export const SO_TYPE = 3;
export const SO_DOMAIN = 39;
export const SO_PASSCRED = 16;
export const SCM_RIGHTS = 1;
export const SCM_CREDENTIALS = 2;
export const MSG_DONTWAIT = 0x40;
export const MSG_PEEK = 0x02;
export const MSG_TRUNC = 0x20;
export const MSG_CTRUNC = 0x08;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_CMSG_CLOEXEC = 0x40000000;

export const SOCKADDR_UN_BYTES = 110;

/** `struct msghdr` of the kernel (user_msghdr) */
export const MSGHDR = layout({
  msg_name: "u64",
  msg_namelen: "u32",
  pad: "u32",
  msg_iov: "u64",
  msg_iovlen: "u64",
  msg_control: "u64",
  msg_controllen: "u64",
  msg_flags: "u32",
  pad2: "u32",
});

/** `struct iovec` */
export const IOVEC = layout({ iov_base: "u64", iov_len: "u64" });

/** `struct cmsghdr`, followed by its data */
export const CMSGHDR = layout({ cmsg_len: "u64", cmsg_level: "i32", cmsg_type: "i32" });

/** `struct ucred` */
export const UCRED = layout({ pid: "i32", uid: "u32", gid: "u32" });
