/** The virtio socket device (linux/virtio_vsock.h, linux/vm_sockets.h). */
import { layout } from "./layout.ts";

export const VIRTIO_VSOCK_TYPE_STREAM = 1;

export const VIRTIO_VSOCK_OP_REQUEST = 1;
export const VIRTIO_VSOCK_OP_RESPONSE = 2;
export const VIRTIO_VSOCK_OP_RST = 3;
export const VIRTIO_VSOCK_OP_SHUTDOWN = 4;
export const VIRTIO_VSOCK_OP_RW = 5;
export const VIRTIO_VSOCK_OP_CREDIT_UPDATE = 6;
export const VIRTIO_VSOCK_OP_CREDIT_REQUEST = 7;

export const VIRTIO_VSOCK_SHUTDOWN_RCV = 1;
export const VIRTIO_VSOCK_SHUTDOWN_SEND = 2;

export const VIRTIO_VSOCK_EVENT_TRANSPORT_RESET = 0;

export const VMADDR_CID_HOST = 2;
export const VMADDR_CID_ANY = 0xffff_ffff;

export const AF_VSOCK = 40;
/** The bytes of `struct sockaddr_vm`, and where port and address are in it. */
export const SOCKADDR_VM_BYTES = 16;
export const SVM_PORT = 4;
export const SVM_CID = 8;

/** Asks /dev/vsock for the machine's own address. */
export const IOCTL_VM_SOCKETS_GET_LOCAL_CID = 0x7b9;

/** The bytes of `struct virtio_vsock_hdr`, which is packed. */
export const VSOCK_HDR_BYTES = 44;

/** `struct virtio_vsock_hdr`; C's alignment changes none of its offsets, but its size. */
export const VSOCK_HDR = layout({
  src_cid: "u64",
  dst_cid: "u64",
  src_port: "u32",
  dst_port: "u32",
  len: "u32",
  type: "u16",
  op: "u16",
  flags: "u32",
  buf_alloc: "u32",
  fwd_cnt: "u32",
});
