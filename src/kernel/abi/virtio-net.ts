/** The virtio network device (linux/virtio_net.h). */
import { layout } from "./layout.ts";

export const VIRTIO_NET_F_CSUM = 0;
export const VIRTIO_NET_F_GUEST_CSUM = 1;
export const VIRTIO_NET_F_MTU = 3;
export const VIRTIO_NET_F_MAC = 5;
export const VIRTIO_NET_F_GUEST_TSO4 = 7;
export const VIRTIO_NET_F_GUEST_TSO6 = 8;
export const VIRTIO_NET_F_GUEST_ECN = 9;
export const VIRTIO_NET_F_HOST_TSO4 = 11;
export const VIRTIO_NET_F_HOST_TSO6 = 12;
export const VIRTIO_NET_F_HOST_ECN = 13;
export const VIRTIO_NET_F_MRG_RXBUF = 15;
export const VIRTIO_NET_F_STATUS = 16;

export const VIRTIO_NET_S_LINK_UP = 1;

/** `struct virtio_net_hdr_v1` */
export const NET_HDR = layout({
  flags: "u8",
  gso_type: "u8",
  hdr_len: "u16",
  gso_size: "u16",
  csum_start: "u16",
  csum_offset: "u16",
  num_buffers: "u16",
});
