/**
 * The kernel's command line: checked, bounded, and put into guest memory with a zero at its end.
 */
import type { GuestMemory } from "../memory/guest-memory.ts";
import { COMMAND_LINE_ADDRESS } from "../memory-map.ts";
import { BootError } from "./boot-error.ts";

/** COMMAND_LINE_SIZE of x86, less the zero: a kernel without a header that says otherwise takes that many. */
export const COMMAND_LINE_MAX_BYTES = 2047;

export interface CommandLine {
  readonly address: number;
  /** Without the zero. */
  readonly bytes: number;
}

/**
 * @param maxBytes what this kernel takes, without the zero; more than {@link COMMAND_LINE_MAX_BYTES} counts as that
 * @throws {BootError} on a text that is too long for the kernel, which would cut it, or that has bytes that end it early
 */
export function writeCommandLine(
  memory: GuestMemory,
  text: string,
  maxBytes = COMMAND_LINE_MAX_BYTES,
): CommandLine {
  const bytes = new TextEncoder().encode(text);
  const most = Math.min(maxBytes, COMMAND_LINE_MAX_BYTES);
  if (bytes.length > most) {
    throw new BootError(
      `set the kernel's command line: it has ${bytes.length} bytes, and this kernel takes ${most}; shorten it`,
    );
  }
  const bad = /[\0-\x08\x0b-\x1f\x7f]/.exec(text);
  if (bad !== null) {
    const code = text.charCodeAt(bad.index).toString(16).padStart(2, "0");
    throw new BootError(
      `set the kernel's command line: the character 0x${code} at ${bad.index} is no part of a word`,
    );
  }
  const target = memory.bytes(COMMAND_LINE_ADDRESS, bytes.length + 1);
  target.set(bytes);
  target[bytes.length] = 0;
  return { address: COMMAND_LINE_ADDRESS, bytes: bytes.length };
}
