/** Loading of kernel modules (finit_module(2)). Order and choice are the caller's. */
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { ERRNO } from "../abi/errno.ts";
import { SyscallError } from "../sys/error.ts";
import { cString, syscallRaw } from "../sys/syscall.ts";

/** Whether a module is loaded and has started (Documentation/ABI/testing/sysfs-module, `initstate`). */
export function isModuleLive(name: string): boolean {
  const path = `/sys/module/${name}/initstate`;
  try {
    return existsSync(path) && readFileSync(path, "utf8").trim() === "live";
  } catch {
    return false; // ENOENT, ENODEV: it goes away just now
  }
}

/**
 * Loads a module from its file.
 * @returns false where the kernel has it already
 * @throws {SyscallError} ENOENT with symbols missing, EKEYREJECTED, EPERM with modules locked
 */
export function loadModule(path: string, parameters = ""): boolean {
  const fd = openSync(path, "r");
  try {
    const load = (): number => syscallRaw("finit_module", fd, cString(parameters), 0);
    const first = load();
    // EBUSY: somebody else was loading it, and failed. Once more, for the reason.
    const result = first === -ERRNO.EBUSY ? load() : first;
    if (result < 0 && result !== -ERRNO.EEXIST) {
      throw new SyscallError("finit_module", -result, `"${path}"`);
    }
    return result >= 0;
  } finally {
    closeSync(fd);
  }
}
