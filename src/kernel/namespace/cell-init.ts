/**
 * The program that holds a cell's namespaces (`ffi/cell_init.c`), as a descriptor to execute. It is embedded in the
 * executable, and goes into a memory file that nobody can change any more: nothing is unpacked to disk, and all cells
 * share its one page.
 */
import { readFileSync } from "node:fs";
import cellInitPath from "../../../dist/ffi/cell-init" with { type: "file" };
import { ERRNO } from "../abi/errno.ts";
import { MFD_ALLOW_SEALING, MFD_CLOEXEC, MFD_EXEC } from "../abi/memfd.ts";
import { F_ADD_SEALS, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_WRITE } from "../abi/open.ts";
import { SyscallError } from "../sys/error.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { cString, syscall, syscallRaw } from "../sys/syscall.ts";

const NAME = "aurae-cell";

function memoryFile(): FileDescriptor {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  let fd = syscallRaw("memfd_create", cString(NAME), flags | MFD_EXEC);
  if (fd === -ERRNO.EINVAL) {
    fd = syscallRaw("memfd_create", cString(NAME), flags); // before Linux 6.3
  }
  if (fd < 0) {
    throw new SyscallError("memfd_create", -fd, JSON.stringify(NAME));
  }
  return new FileDescriptor(fd);
}

/** @throws {SyscallError} */
export function openCellInit(): FileDescriptor {
  const program = readFileSync(cellInitPath);
  using stack = new DisposableStack();
  const file = stack.use(memoryFile());
  const written = syscall("write", NAME, file.number, program, program.byteLength);
  if (written !== program.byteLength) {
    throw new SyscallError("write", ERRNO.EIO, NAME);
  }
  const seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  syscall("fcntl", `seals of ${NAME}`, file.number, F_ADD_SEALS, seals);
  stack.move();
  return file;
}
