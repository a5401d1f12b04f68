/**
 * A TAP device: an Ethernet port of the host's kernel whose other end is a descriptor (tuntap.rst). Every frame has a
 * `struct virtio_net_hdr_v1` before it, so that checksums and segmentation can be left to whoever does them best.
 */
import {
  IFF_NO_PI,
  IFF_TAP,
  IFF_VNET_HDR,
  IFREQ_BYTES,
  IFREQ_FLAGS_OFFSET,
  TUNSETIFF,
  TUNSETOFFLOAD,
  TUNSETPERSIST,
  TUNSETVNETHDRSZ,
} from "../abi/if-tun.ts";
import { IFNAMSIZ } from "../abi/netlink.ts";
import { AT_FDCWD, O_CLOEXEC, O_NONBLOCK, O_RDWR } from "../abi/open.ts";
import { NET_HDR } from "../abi/virtio-net.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { cString, syscall, syscallRaw } from "../sys/syscall.ts";

export class Tap implements Disposable {
  readonly #fd: FileDescriptor;

  /** Takes over a descriptor that is attached already, as somebody with the right to do so handed it over. */
  constructor(fd: FileDescriptor) {
    this.#fd = fd;
    const bytes = Int32Array.of(NET_HDR.size);
    // SAFETY: the kernel reads one int, which lives until the call returns.
    syscall("ioctl", "header size of a TAP device", fd.number, TUNSETVNETHDRSZ, bytes);
  }

  get fd(): number {
    return this.#fd.number;
  }

  /**
   * What may come unfinished: `TUN_F_*`. The host then leaves it to the guest.
   * @returns 0, or -errno: EINVAL for what this kernel can't do
   */
  setOffloads(flags: number): number {
    return syscallRaw("ioctl", this.#fd.number, TUNSETOFFLOAD, flags);
  }

  /** Has the device stay when its descriptors are gone, until somebody removes it. @throws {SyscallError} */
  persist(): void {
    syscall("ioctl", "persistence of a TAP device", this.fd, TUNSETPERSIST, 1);
  }

  [Symbol.dispose](): void {
    this.#fd[Symbol.dispose]();
  }
}

/** Opens the TAP device of a name, which is made where there is none. Needs CAP_NET_ADMIN. @throws {SyscallError} */
export function openTap(name: string): Tap {
  const encoded = cString(name);
  if (encoded.length > IFNAMSIZ) {
    throw new RangeError(`"${name}" is too long for the name of an interface`);
  }
  const path = cString("/dev/net/tun");
  // SAFETY: the kernel reads the path until its NUL.
  const number = syscall(
    "openat",
    '"/dev/net/tun"',
    AT_FDCWD,
    path,
    O_RDWR | O_NONBLOCK | O_CLOEXEC,
  );
  using stack = new DisposableStack();
  const fd = stack.use(new FileDescriptor(number));
  const request = new Uint8Array(IFREQ_BYTES);
  request.set(encoded);
  const flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  new DataView(request.buffer).setUint16(IFREQ_FLAGS_OFFSET, flags, true);
  // SAFETY: the kernel reads and writes a `struct ifreq`, which lives until the call returns.
  syscall("ioctl", `TAP device "${name}"`, fd.number, TUNSETIFF, request);
  const tap = new Tap(fd);
  stack.move();
  return tap;
}
