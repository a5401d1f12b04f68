/** TUN/TAP devices (linux/if_tun.h, linux/if.h). */
export const IFF_TAP = 0x0002;
export const IFF_NO_PI = 0x1000;
export const IFF_VNET_HDR = 0x4000;

export const TUNSETIFF = 0x400454ca;
export const TUNSETPERSIST = 0x400454cb;
export const TUNSETOFFLOAD = 0x400454d0;
export const TUNSETVNETHDRSZ = 0x400454d8;

export const TUN_F_CSUM = 0x01;
export const TUN_F_TSO4 = 0x02;
export const TUN_F_TSO6 = 0x04;
export const TUN_F_TSO_ECN = 0x08;

/** The bytes of `struct ifreq`: a name of 16, and a union whose first field here is the u16 of flags. */
export const IFREQ_BYTES = 40;
export const IFREQ_FLAGS_OFFSET = 16;
