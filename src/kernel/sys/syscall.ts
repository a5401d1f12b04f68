/**
 * The one door to raw system calls. Arguments are checked here, before they reach the kernel, because what Bun does
 * with a number that does not fit changed between its versions.
 */
import { ptr } from "bun:ffi";
import { ERRNO } from "../abi/errno.ts";
import { SYS, type SyscallName } from "../abi/syscalls.ts";
import { SyscallError } from "./error.ts";
import { library } from "./library.ts";

/** An integer, memory whose address is passed (it must stay referenced until the call returns), or a null pointer. */
export type SyscallArgument = number | NodeJS.TypedArray | DataView | null;

type SyscallArguments = [
  a?: SyscallArgument,
  b?: SyscallArgument,
  c?: SyscallArgument,
  d?: SyscallArgument,
  e?: SyscallArgument,
  f?: SyscallArgument,
];

function word(name: SyscallName, argument: SyscallArgument): number {
  if (argument === null) {
    return 0;
  }
  if (typeof argument !== "number") {
    // SAFETY: the caller owns the memory and holds it through the synchronous call; an empty view has no address.
    return argument.byteLength === 0 ? 0 : ptr(argument);
  }
  if (!Number.isSafeInteger(argument)) {
    throw new RangeError(`${name}: argument ${argument} is not an integer below 2^53`);
  }
  return argument;
}

/** Calls the kernel and answers with its result, or with `-errno`. */
export function syscallRaw(
  name: SyscallName,
  a: SyscallArgument = 0,
  b: SyscallArgument = 0,
  c: SyscallArgument = 0,
  d: SyscallArgument = 0,
  e: SyscallArgument = 0,
  f: SyscallArgument = 0,
): number {
  // SAFETY: the kernel reads and writes only what the call's manual page says, in memory that the caller holds.
  const result = library().au_syscall(
    SYS[name],
    word(name, a),
    word(name, b),
    word(name, c),
    word(name, d),
    word(name, e),
    word(name, f),
  );
  return Number(result);
}

/**
 * Calls the kernel and answers with its result.
 * @param object what the call is about, for the message of its error
 * @throws {SyscallError}
 */
export function syscall(name: SyscallName, object: string, ...args: SyscallArguments): number {
  const result = syscallRaw(name, ...args);
  if (result < 0) {
    throw new SyscallError(name, -result, object);
  }
  return result;
}

/** Like {@link syscall}, and calls again for as long as the kernel answers EINTR. Not for close(2). */
export function syscallRetry(name: SyscallName, object: string, ...args: SyscallArguments): number {
  for (;;) {
    const result = syscallRaw(name, ...args);
    if (result >= 0) {
      return result;
    }
    if (result !== -ERRNO.EINTR) {
      throw new SyscallError(name, -result, object);
    }
  }
}

/**
 * For loops where every call counts: nothing is allocated, and nothing is checked.
 * @param number of `SYS`; the others are integers below 2^53, and an address stays good only while its memory is referenced
 * @returns the kernel's result, or `-errno`
 */
export function callRaw(number: number, a: number, b = 0, c = 0, d = 0, e = 0, f = 0): number {
  // SAFETY: as for syscallRaw; what the call reads and writes is the caller's to hold.
  return Number(library().au_syscall(number, a, b, c, d, e, f));
}

/** A NUL-terminated copy of a string, as the kernel takes paths and names. @throws {RangeError} on an inner NUL */
export function cString(text: string): Buffer {
  if (text.includes("\0")) {
    throw new RangeError(`a NUL character in ${JSON.stringify(text)}`);
  }
  return Buffer.from(`${text}\0`);
}
