/** Messages of Unix sockets with what goes along with them (sendmsg(2), recvmsg(2), cmsg(3)). Nothing blocks. */
import {
  IOVEC,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_TRUNC,
  MSGHDR,
} from "../abi/unix.ts";
import { addressOf } from "../sys/memory.ts";
import { syscallRaw } from "../sys/syscall.ts";

export interface ReceivedMessage {
  readonly bytes: Uint8Array;
  /** What came along, as `struct cmsghdr` one after the other. */
  readonly control: Uint8Array;
  /** Something did not fit, and is lost. */
  readonly isCut: boolean;
}

/** A `struct msghdr` on these bytes. All of them have to be referenced until the call is over. */
function headerFor(bytes: Uint8Array, control: Uint8Array | undefined) {
  const iovec = IOVEC.make({ iov_base: addressOf(bytes), iov_len: bytes.length });
  const header = MSGHDR.make({
    msg_iov: addressOf(iovec),
    msg_iovlen: 1,
    ...(control === undefined
      ? {}
      : { msg_control: addressOf(control), msg_controllen: control.length }),
  });
  return { header, iovec, bytes, control };
}

/** @returns its bytes, or -errno */
export function sendMessage(
  socket: number,
  bytes: Uint8Array,
  control: Uint8Array | undefined,
): number {
  const message = headerFor(bytes, control);
  // SAFETY: `message` holds header, vector, bytes and control data beyond the call; the kernel only reads them.
  const result = syscallRaw("sendmsg", socket, message.header, MSG_DONTWAIT | MSG_NOSIGNAL);
  void message.iovec.byteLength;
  return result;
}

/**
 * Takes the message that is next.
 * @param buffer for its bytes, and `control` for what came along; the message's are views of them
 * @returns -errno where there is none
 */
export function receiveMessage(
  socket: number,
  buffer: Uint8Array,
  control: Uint8Array,
): ReceivedMessage | number {
  const message = headerFor(buffer, control);
  const flags = MSG_DONTWAIT | MSG_CMSG_CLOEXEC;
  // SAFETY: `message` holds header, vector, buffer and control data; the kernel writes at most their lengths.
  const length = syscallRaw("recvmsg", socket, message.header, flags);
  void message.iovec.byteLength;
  if (length < 0) {
    return length;
  }
  return {
    bytes: buffer.subarray(0, length),
    control: control.subarray(0, Number(MSGHDR.read(message.header, "msg_controllen"))),
    isCut: (MSGHDR.read(message.header, "msg_flags") & (MSG_TRUNC | MSG_CTRUNC)) !== 0,
  };
}
