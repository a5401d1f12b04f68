/**
 * Loads the shared object of `ffi/` once. It is embedded in the executable; a memfd gives it a path that dlopen(3)
 * takes, so that nothing is unpacked to disk. With this file, only `kernel/sys` may import `bun:ffi`.
 */
import { readFileSync, writeSync, closeSync } from "node:fs";
import { dlopen, FFIType } from "bun:ffi";
import libraryPath from "../../../dist/ffi/libauraed.so" with { type: "file" };

const MFD_CLOEXEC = 1;

const LIBC = {
  memfd_create: { args: [FFIType.cstring, FFIType.u32], returns: FFIType.i32 },
} as const;

const I64 = FFIType.i64_fast;

/** Every function the shared object exports. 64-bit arguments are numbers up to 2^53, or addresses. */
const EXPORTS = {
  au_syscall: {
    args: [I64, I64, I64, I64, I64, I64, I64],
    returns: I64,
  },
  au_launcher_start: { args: [FFIType.i32, FFIType.i32, I64], returns: I64 },
  au_launcher_end: { args: [I64], returns: FFIType.void },
  au_launch_begin: { args: [I64, I64, I64, FFIType.u32, I64], returns: FFIType.void },
  au_launch_end: { args: [I64, I64], returns: FFIType.void },
  au_output_pipe: { args: [FFIType.i32, I64], returns: I64 },
  au_kick_handler: { args: [I64], returns: I64 },
  au_violation_handler: { args: [I64, I64, I64, I64, I64], returns: I64 },
} as const;

function load() {
  const libc = dlopen("libc.so.6", LIBC);
  const fd = libc.symbols.memfd_create(Buffer.from("libauraed.so\0"), MFD_CLOEXEC);
  if (fd < 0) {
    throw new Error("memfd_create for the embedded library failed");
  }
  try {
    const bytes = readFileSync(libraryPath);
    for (let at = 0; at < bytes.length;) {
      at += writeSync(fd, bytes, at);
    }
    return dlopen(`/proc/self/fd/${fd}`, EXPORTS).symbols;
  } finally {
    closeSync(fd);
    libc.close();
  }
}

let symbols: ReturnType<typeof load> | undefined;

/** The functions of the shared object, loaded at the first call. */
export function library(): ReturnType<typeof load> {
  symbols ??= load();
  return symbols;
}
