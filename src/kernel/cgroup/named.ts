/** Errors of node:fs as ours. */
import { ERRNO, type ErrnoName } from "../abi/errno.ts";
import { SyscallError } from "../sys/error.ts";

/** Runs a call of node:fs and turns its error into ours, which names the object. @throws {SyscallError} */
export function named<T>(call: string, object: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof Error && "code" in error) {
      const errno = ERRNO[String(error.code) as ErrnoName];
      if (errno !== undefined) {
        throw new SyscallError(call, errno, object);
      }
    }
    throw error;
  }
}
