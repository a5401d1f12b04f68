/** Sockets between a machine and its host (vsock(7)): whether there are any here, and the way to the host. */
import { closeSync, openSync } from "node:fs";
import { ERRNO } from "../abi/errno.ts";
import { SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from "../abi/unix.ts";
import {
  AF_VSOCK,
  IOCTL_VM_SOCKETS_GET_LOCAL_CID,
  SOCKADDR_VM_BYTES,
  SVM_CID,
  SVM_PORT,
  VMADDR_CID_ANY,
  VMADDR_CID_HOST,
} from "../abi/virtio-vsock.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { syscall, syscallRaw } from "../sys/syscall.ts";

/** This machine's context id; undefined without a vsock device, be the driver there or not. */
export function localCid(): number | undefined {
  let fd: number;
  try {
    fd = openSync("/dev/vsock", "r");
  } catch {
    return undefined; // ENOENT without the driver; EACCES
  }
  try {
    const cid = new Uint32Array([VMADDR_CID_ANY]);
    // SAFETY: the kernel writes one 32-bit number, into an array that lives until the call returns.
    const result = syscallRaw("ioctl", fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, cid);
    return result < 0 || cid[0] === VMADDR_CID_ANY ? undefined : cid[0];
  } finally {
    closeSync(fd);
  }
}

/**
 * Begins to connect to a port of the host. Whether it worked is told by the first read: -EAGAIN, or ENOTCONN, until then.
 * @returns -errno: ENODEV where there is no host
 */
export function connectToHost(port: number): FileDescriptor | number {
  const address = new DataView(new ArrayBuffer(SOCKADDR_VM_BYTES));
  address.setUint16(0, AF_VSOCK, true);
  address.setUint32(SVM_PORT, port, true);
  address.setUint32(SVM_CID, VMADDR_CID_HOST, true);
  using stack = new DisposableStack();
  const type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const socket = stack.use(new FileDescriptor(syscall("socket", "vsock", AF_VSOCK, type, 0)));
  // SAFETY: the kernel reads the address until the call returns.
  const result = syscallRaw("connect", socket.number, address, SOCKADDR_VM_BYTES);
  if (result < 0 && result !== -ERRNO.EINPROGRESS) {
    return result;
  }
  stack.move();
  return socket;
}
