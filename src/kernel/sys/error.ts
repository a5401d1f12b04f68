/** A failed system call: which one, on what, and the kernel's reason. */
import { errnoName } from "../abi/errno.ts";

export class SyscallError extends Error {
  override readonly name = "SyscallError";
  /** The system call or the operation, as a manual page names it. */
  readonly call: string;
  /** The positive error number. */
  readonly errno: number;
  /** The error's name, `ENOENT`. */
  readonly code: string;

  /** @param object what it was done to, quoted as needed: `"/sys/fs/cgroup/a/memory.max" = "1G"` */
  constructor(call: string, errno: number, object = "") {
    const code = errnoName(errno);
    super(`${call}${object === "" ? "" : ` ${object}`}: ${code}`);
    this.call = call;
    this.errno = errno;
    this.code = code;
  }
}

/** Whether an error is a failed system call with one of these error names. */
export function isErrno(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
