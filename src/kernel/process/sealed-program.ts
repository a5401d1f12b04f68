/**
 * Programs that are embedded in the executable, as descriptors to execute: in memory files that nobody can change any
 * more, so nothing is unpacked to disk, and all processes of one share its pages.
 */
import { readFileSync } from "node:fs";
import { ERRNO } from "../abi/errno.ts";
import { MFD_ALLOW_SEALING, MFD_CLOEXEC, MFD_EXEC } from "../abi/memfd.ts";
import { F_ADD_SEALS, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_WRITE } from "../abi/open.ts";
import { SyscallError } from "../sys/error.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { cString, syscall, syscallRaw } from "../sys/syscall.ts";

function memoryFile(name: string): FileDescriptor {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  let fd = syscallRaw("memfd_create", cString(name), flags | MFD_EXEC);
  if (fd === -ERRNO.EINVAL) {
    fd = syscallRaw("memfd_create", cString(name), flags); // before Linux 6.3
  }
  if (fd < 0) {
    throw new SyscallError("memfd_create", -fd, JSON.stringify(name));
  }
  return new FileDescriptor(fd);
}

/**
 * @param name what the kernel calls the file
 * @param path of the embedded file
 * @throws {SyscallError}
 */
export function openSealedProgram(name: string, path: string): FileDescriptor {
  const program = readFileSync(path);
  using stack = new DisposableStack();
  const file = stack.use(memoryFile(name));
  const written = syscall("write", name, file.number, program, program.byteLength);
  if (written !== program.byteLength) {
    throw new SyscallError("write", ERRNO.EIO, name);
  }
  const seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  syscall("fcntl", `seals of ${name}`, file.number, F_ADD_SEALS, seals);
  stack.move();
  return file;
}
