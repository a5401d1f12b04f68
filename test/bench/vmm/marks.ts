/**
 * What guest.c and host.c agree upon: how much is read and sent, and the bytes by which the guest says where it is. Each is
 * written to the serial port's data register, and the host takes the time when the monitor has handed it out.
 */
const MIB = 1024 * 1024;

export const GUEST_BYTES = 128 * MIB;
// So much that how a monitor works counts, and not how long it takes to be compiled.
export const DISK_BYTES = 256 * MIB;
export const RANDOM_READS = 1000;
export const NET_BYTES = 128 * MIB;

/** For the compiler of both. */
export const DEFINES = Object.entries({ DISK_BYTES, RANDOM_READS, NET_BYTES }).map(
  ([name, value]) => `-D${name}=${value}L`,
);

export const FIRST_INSTRUCTION = "U";
/** The guest that only loops makes them, one after the other. */
export const LOOP = "L";
export const END = ".";
/** By what the guest does between the first mark and the second. */
export const SPANS = {
  sequential: ["R", "r"],
  random: ["Q", "q"],
  /** From the guest to the host, until the host has said that it has everything. */
  sent: ["T", "t"],
  received: ["V", "v"],
} as const;
export type Span = keyof typeof SPANS;
