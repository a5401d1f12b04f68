/** The program that holds a cell's namespaces (`ffi/cell_init.c`), as a descriptor to execute. */
import cellInitPath from "../../../dist/ffi/cell-init" with { type: "file" };
import { openSealedProgram } from "../process/sealed-program.ts";
import type { FileDescriptor } from "../sys/fd.ts";

/** @throws {SyscallError} */
export function openCellInit(): FileDescriptor {
  return openSealedProgram("aurae-cell", cellInitPath);
}
