/**
 * Unix stream sockets that do not block (unix(7)), by their calls. Where a failure is an everyday answer (nobody
 * listens, nothing to accept) it comes back as -errno.
 */
import { AF_UNIX, MSG_PEEK, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from "../abi/unix.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { syscall, syscallRaw } from "../sys/syscall.ts";

const FAMILY_BYTES = 2;
/** What a path may have, without its NUL (`sun_path`). */
const MAX_SOCKET_PATH_BYTES = 107;
const BACKLOG = 128;
const FLAGS = SOCK_NONBLOCK | SOCK_CLOEXEC;

function addressFor(path: string): Uint8Array {
  const bytes = new TextEncoder().encode(path);
  if (bytes.length === 0 || bytes.length > MAX_SOCKET_PATH_BYTES || bytes.includes(0)) {
    const most = `1 to ${MAX_SOCKET_PATH_BYTES} bytes without NUL`;
    throw new RangeError(`${JSON.stringify(path)} is no path for a socket, which has ${most}`);
  }
  const address = new Uint8Array(FAMILY_BYTES + bytes.length + 1);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(bytes, FAMILY_BYTES);
  return address;
}

function newSocket(path: string): FileDescriptor {
  const number = syscall("socket", JSON.stringify(path), AF_UNIX, SOCK_STREAM | FLAGS, 0);
  return new FileDescriptor(number);
}

/** Listens at a path, at which nothing may be yet. @throws {SyscallError} @throws {RangeError} on a bad path */
export function listenUnix(path: string): FileDescriptor {
  const address = addressFor(path);
  using stack = new DisposableStack();
  const socket = stack.use(newSocket(path));
  // SAFETY: the kernel reads the address until the call returns.
  syscall("bind", JSON.stringify(path), socket.number, address, address.length);
  syscall("listen", JSON.stringify(path), socket.number, BACKLOG);
  stack.move();
  return socket;
}

/** Connects to who listens at a path, or answers -errno: ENOENT, ECONNREFUSED, EAGAIN. @throws {RangeError} */
export function connectUnix(path: string): FileDescriptor | number {
  const address = addressFor(path);
  using stack = new DisposableStack();
  const socket = stack.use(newSocket(path));
  // SAFETY: as above.
  const result = syscallRaw("connect", socket.number, address, address.length);
  if (result < 0) {
    return result;
  }
  stack.move();
  return socket;
}

/** Takes a connection that waits, or answers -errno: EAGAIN when there is none. */
export function acceptUnix(listener: FileDescriptor): FileDescriptor | number {
  const result = syscallRaw("accept4", listener.number, null, null, FLAGS);
  return result < 0 ? result : new FileDescriptor(result);
}

/** What came, which stays there to be read. @returns how many bytes, or -errno */
export function peek(socket: FileDescriptor, bytes: Uint8Array): number {
  // SAFETY: the kernel writes at most the length of `bytes`, which the caller holds.
  return syscallRaw("recvfrom", socket.number, bytes, bytes.length, MSG_PEEK, null, null);
}
