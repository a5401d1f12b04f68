/** Netlink and rtnetlink (linux/netlink.h, linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h, linux/if.h). */
import { layout } from "./layout.ts";

export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const SOCK_RAW = 3;
export const SOCK_CLOEXEC = 0o2000000;
export const SOCK_NONBLOCK = 0o4000;
export const MSG_TRUNC = 0x20;

export const NETLINK_ROUTE = 0;
export const RTMGRP_LINK = 1;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_MULTI = 0x2;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP = 0x300;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;
export const RTM_NEWROUTE = 24;
export const RTM_GETROUTE = 26;

export const IFLA_ADDRESS = 1;
export const IFLA_IFNAME = 3;
export const IFLA_MTU = 4;
export const IFLA_MASTER = 10;
export const IFLA_LINKINFO = 18;
/** Words of an administrator's about a device, up to 255 bytes. */
export const IFLA_IFALIAS = 20;
export const IFLA_AF_SPEC = 26;
/** Within IFLA_LINKINFO: `bridge`, `tun`. */
export const IFLA_INFO_KIND = 1;
/** Within AF_INET6 of IFLA_AF_SPEC. */
export const IFLA_INET6_ADDR_GEN_MODE = 8;
export const IN6_ADDR_GEN_MODE_NONE = 1;
export const IFA_ADDRESS = 1;
export const IFA_LOCAL = 2;
export const IFA_FLAGS = 8;
/** Used at once, without asking the link whether somebody else has it (RFC 4862, 5.4). */
export const IFA_F_NODAD = 0x02;
export const RTA_DST = 1;
export const RTA_OIF = 4;
export const RTA_GATEWAY = 5;

export const RT_TABLE_MAIN = 254;
export const RTPROT_STATIC = 4;
export const RT_SCOPE_UNIVERSE = 0;
export const RT_SCOPE_LINK = 253;
export const RTN_UNICAST = 1;

export const IFF_UP = 0x1;
export const IFF_LOOPBACK = 0x8;
/** The device has a carrier, as the driver sees it. */
export const IFF_LOWER_UP = 0x10000;
export const IFNAMSIZ = 16;

export const SOCKADDR_NL = layout({
  nl_family: "u16",
  nl_pad: "u16",
  nl_pid: "u32",
  nl_groups: "u32",
});

export const NLMSGHDR = layout({
  nlmsg_len: "u32",
  nlmsg_type: "u16",
  nlmsg_flags: "u16",
  nlmsg_seq: "u32",
  nlmsg_pid: "u32",
});

export const IFINFOMSG = layout({
  ifi_family: "u8",
  ifi_pad: "u8",
  ifi_type: "u16",
  ifi_index: "i32",
  ifi_flags: "u32",
  ifi_change: "u32",
});

export const IFADDRMSG = layout({
  ifa_family: "u8",
  ifa_prefixlen: "u8",
  ifa_flags: "u8",
  ifa_scope: "u8",
  ifa_index: "u32",
});

export const RTMSG = layout({
  rtm_family: "u8",
  rtm_dst_len: "u8",
  rtm_src_len: "u8",
  rtm_tos: "u8",
  rtm_table: "u8",
  rtm_protocol: "u8",
  rtm_scope: "u8",
  rtm_type: "u8",
  rtm_flags: "u32",
});

/** `struct rtattr`; its payload follows, and the next attribute starts at a multiple of 4. */
export const RTATTR = layout({ rta_len: "u16", rta_type: "u16" });
