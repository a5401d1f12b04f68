/**
 * Packets of a SOCK_SEQPACKET socket (unix(7)), and the descriptors that come with them (SCM_RIGHTS). Nothing blocks, and
 * what cannot be done now is -errno.
 */
import {
  AF_UNIX,
  CMSGHDR,
  SCM_RIGHTS,
  SO_DOMAIN,
  SO_TYPE,
  SOCK_CLOEXEC,
  SOCK_SEQPACKET,
  SOL_SOCKET,
} from "../abi/unix.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { syscall, syscallRaw } from "../sys/syscall.ts";
import { receiveMessage, sendMessage } from "./socket-message.ts";

const FD_BYTES = 4;
/** With one packet; the kernel takes up to 253 (SCM_MAX_FD). */
export const MAX_PACKET_DESCRIPTORS = 16;
const ALIGNMENT = 8;

export interface Packet {
  /** Empty at the end: nobody holds the other side any more. */
  readonly bytes: Uint8Array;
  readonly descriptors: readonly FileDescriptor[];
  /** Something did not fit, and is lost. */
  readonly isCut: boolean;
}

/** Two sockets that are connected. @throws {SyscallError} */
export function packetSocketPair(): [FileDescriptor, FileDescriptor] {
  const ends = new Int32Array(2);
  // SAFETY: the kernel writes two descriptors into `ends`.
  syscall("socketpair", "", AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
  const [a = -1, b = -1] = ends;
  return [new FileDescriptor(a), new FileDescriptor(b)];
}

/** Whether a descriptor is such a socket: for what others have handed over. */
export function isPacketSocket(fd: number): boolean {
  const word = new Int32Array(1);
  const length = Uint32Array.of(word.byteLength);
  const option = (name: number): number | undefined => {
    // SAFETY: the kernel writes at most `length` bytes into the word.
    const result = syscallRaw("getsockopt", fd, SOL_SOCKET, name, word, length);
    return result < 0 ? undefined : word[0];
  };
  return option(SO_DOMAIN) === AF_UNIX && option(SO_TYPE) === SOCK_SEQPACKET;
}

function rightsFor(descriptors: readonly number[]): Uint8Array | undefined {
  if (descriptors.length === 0) {
    return undefined;
  }
  if (descriptors.length > MAX_PACKET_DESCRIPTORS) {
    throw new RangeError(
      `${descriptors.length} descriptors, and ${MAX_PACKET_DESCRIPTORS} at most`,
    );
  }
  const length = CMSGHDR.size + descriptors.length * FD_BYTES;
  const view = new DataView(new ArrayBuffer(Math.ceil(length / ALIGNMENT) * ALIGNMENT));
  CMSGHDR.write(view, { cmsg_len: length, cmsg_level: SOL_SOCKET, cmsg_type: SCM_RIGHTS });
  for (const [i, descriptor] of descriptors.entries()) {
    view.setInt32(CMSGHDR.size + i * FD_BYTES, descriptor, true);
  }
  return new Uint8Array(view.buffer);
}

/**
 * Sends a packet, and duplicates of descriptors.
 * @returns its bytes, or -errno: EAGAIN where there is no room for it now, EPIPE or ECONNRESET where nobody reads
 */
export function sendPacket(
  socket: number,
  bytes: Uint8Array,
  descriptors: readonly number[] = [],
): number {
  return sendMessage(socket, bytes, rightsFor(descriptors));
}

function rightsIn(control: Uint8Array): FileDescriptor[] {
  const view = new DataView(control.buffer, control.byteOffset, control.byteLength);
  const found: FileDescriptor[] = [];
  for (let at = 0; at + CMSGHDR.size <= control.length;) {
    const head = new DataView(view.buffer, view.byteOffset + at, CMSGHDR.size);
    const bytes = Number(CMSGHDR.read(head, "cmsg_len"));
    const isRights =
      CMSGHDR.read(head, "cmsg_level") === SOL_SOCKET &&
      CMSGHDR.read(head, "cmsg_type") === SCM_RIGHTS;
    for (
      let data = at + CMSGHDR.size;
      isRights && data + FD_BYTES <= at + bytes;
      data += FD_BYTES
    ) {
      found.push(new FileDescriptor(view.getInt32(data, true)));
    }
    at += Math.max(Math.ceil(bytes / ALIGNMENT) * ALIGNMENT, CMSGHDR.size);
  }
  return found;
}

/**
 * Takes the packet that is next.
 * @param buffer for its bytes; the packet's are a view of it
 * @returns -errno where there is none: EAGAIN
 */
export function receivePacket(socket: number, buffer: Uint8Array): Packet | number {
  const control = new Uint8Array(
    CMSGHDR.size + Math.ceil((MAX_PACKET_DESCRIPTORS * FD_BYTES) / ALIGNMENT) * ALIGNMENT,
  );
  const message = receiveMessage(socket, buffer, control);
  if (typeof message === "number") {
    return message;
  }
  const { bytes, isCut } = message;
  return { bytes, descriptors: rightsIn(message.control), isCut };
}
