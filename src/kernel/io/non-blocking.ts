/** Descriptors that do not block: pipes that are made so, and what somebody else has opened. */
import { F_GETFL, F_SETFL, O_CLOEXEC, O_NONBLOCK } from "../abi/open.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { syscall } from "../sys/syscall.ts";

/** pipe2(2), neither end of which blocks: to read from, to write to. @throws {SyscallError} */
export function nonBlockingPipe(): [FileDescriptor, FileDescriptor] {
  const ends = new Int32Array(2);
  // SAFETY: the kernel writes two descriptors into `ends`.
  syscall("pipe2", "", ends, O_NONBLOCK | O_CLOEXEC);
  const [from = -1, to = -1] = ends;
  return [new FileDescriptor(from), new FileDescriptor(to)];
}

/** Has calls on a descriptor answer EAGAIN and not wait; so they do for everybody who has the same open file. @throws {SyscallError} */
export function setNonBlocking(fd: number, name: string): void {
  const flags = syscall("fcntl", `F_GETFL of ${name}`, fd, F_GETFL);
  syscall("fcntl", `F_SETFL of ${name}`, fd, F_SETFL, flags | O_NONBLOCK);
}
