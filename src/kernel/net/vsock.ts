/** Sockets between a machine and its host (vsock(7)): whether there are any here. */
import { closeSync, openSync } from "node:fs";
import { IOCTL_VM_SOCKETS_GET_LOCAL_CID, VMADDR_CID_ANY } from "../abi/virtio-vsock.ts";
import { syscallRaw } from "../sys/syscall.ts";

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
