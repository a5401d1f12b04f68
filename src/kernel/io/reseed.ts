/**
 * Starts the random numbers of a machine anew, after it has gone on from a snapshot as others may have: those of its kernel
 * (random(4)), and those of this process, whose library keeps a generator of its own.
 */
import { randomBytes } from "node:crypto";
import { _IO, _IOW } from "../abi/ioctl.ts";
import { O_CLOEXEC, O_RDWR } from "../abi/open.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { syscall } from "../sys/syscall.ts";
import { openSync } from "node:fs";

/** linux/random.h */
const TYPE = "R".charCodeAt(0);
const RNDADDENTROPY = _IOW(TYPE, 0x03, 8);
const RNDRESEEDCRNG = _IO(TYPE, 0x07);
/** `struct rand_pool_info`: how many bits it is worth, how many bytes follow. */
const POOL_INFO_BYTES = 8;
/** After so many calls BoringSSL asks the kernel for a new seed (crypto/fipsmodule/rand, kReseedInterval). */
const LIBRARY_CALLS = 4096;

/** Mixes a seed into the kernel's random numbers, and has them start anew from that. @throws {SyscallError} */
export function reseedKernel(seed: Uint8Array): void {
  using device = new FileDescriptor(openSync("/dev/random", O_RDWR | O_CLOEXEC));
  const info = new Uint8Array(POOL_INFO_BYTES + seed.length);
  const view = new DataView(info.buffer);
  view.setUint32(0, seed.length * 8, true);
  view.setUint32(4, seed.length, true);
  info.set(seed, POOL_INFO_BYTES);
  // SAFETY: the kernel reads the structure and the bytes behind it, as many as it says.
  syscall("ioctl", "RNDADDENTROPY", device.number, RNDADDENTROPY, info);
  syscall("ioctl", "RNDRESEEDCRNG", device.number, RNDRESEEDCRNG, 0);
}

/** Uses up what this thread's generator still has of its old seed; it has no other way to be given another. */
export function reseedLibrary(): void {
  for (let i = 0; i <= LIBRARY_CALLS; i++) {
    randomBytes(1);
  }
}
