/** The limits of a control group as the kernel has them. */
import { isErrno } from "../sys/error.ts";
import type { Cgroups } from "./cgroups.ts";
import { readCpu } from "./cpu.ts";
import { readCpuset } from "./cpuset.ts";
import { readHugetlb } from "./hugetlb.ts";
import { readIo } from "./io.ts";
import type { CgroupLimits, ReadFile } from "./limits.ts";
import { readMemory } from "./memory.ts";
import { readPids } from "./pids.ts";

/** Reads files of one group. A file that this kernel does not have, or does not fill, is undefined. */
export function readerOf(cgroups: Cgroups, path: string): ReadFile {
  return (file) => {
    try {
      return cgroups.read(path, file);
    } catch (error) {
      if (isErrno(error, "ENOENT", "ENODEV", "EOPNOTSUPP")) {
        return undefined;
      }
      throw error;
    }
  };
}

/** @throws {CgroupTextError} for a file that does not have the kernel's form @throws {SyscallError} */
export function readLimits(cgroups: Cgroups, path: string): CgroupLimits {
  const read = readerOf(cgroups, path);
  return {
    cpu: readCpu(read),
    cpuset: readCpuset(read),
    memory: readMemory(read),
    pids: readPids(read),
    io: readIo(read),
    hugetlb: readHugetlb(read, cgroups.files(path)),
  };
}
