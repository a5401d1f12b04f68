/** Who is at the other end of a Unix socket, on the kernel's word (unix(7), SO_PEERCRED). */
import { syscallRaw } from "../sys/syscall.ts";

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;

/** struct ucred: pid, uid, gid, 32 bits each. */
const UCRED_BYTES = 12;

/** The user id of a user that our user namespace does not know (the kernel's overflow uid aside). */
const NO_UID = 0xffff_ffff;

/** The user id that connected, or undefined where the descriptor is no Unix socket or the user is not known here. */
export function peerUid(fd: number): number | undefined {
  const credentials = new Uint32Array(UCRED_BYTES / 4);
  const length = new Uint32Array([UCRED_BYTES]);
  // SAFETY: both arrays are ours and live through the call; the kernel writes at most `length` bytes.
  const result = syscallRaw("getsockopt", fd, SOL_SOCKET, SO_PEERCRED, credentials, length);
  const uid = credentials[1];
  return result === 0 && length[0] === UCRED_BYTES && uid !== NO_UID ? uid : undefined;
}
