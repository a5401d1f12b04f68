/** Finds the number of a block device, by which the io controller knows it. */
import { statSync } from "node:fs";
import { ERRNO } from "../abi/errno.ts";
import { SyscallError } from "../sys/error.ts";
import { named } from "./named.ts";

const NUMBER = /^[0-9]{1,4}:[0-9]{1,7}$/;

/** The encoding of dev_t that stat(2) answers with (glibc, sys/sysmacros.h). */
export function deviceNumber(rdev: bigint): string {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffff_ff00n);
  return `${major}:${minor}`;
}

/**
 * @param device `MAJOR:MINOR`, or a path in /dev, which may be a link
 * @throws {SyscallError} ENOTBLK for what is no block device, ENOENT, …, naming it
 */
export function blockDeviceNumber(device: string): string {
  if (NUMBER.test(device)) {
    return device;
  }
  const object = JSON.stringify(device);
  if (!device.startsWith("/dev/") || device.includes("\0")) {
    throw new SyscallError("stat", ERRNO.ENOTBLK, object);
  }
  const stats = named("stat", object, () => statSync(device, { bigint: true }));
  if (!stats.isBlockDevice()) {
    throw new SyscallError("stat", ERRNO.ENOTBLK, object);
  }
  return deviceNumber(stats.rdev);
}
