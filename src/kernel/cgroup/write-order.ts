/**
 * The order in which limits of a group that is in use are changed, and what puts them back. A group must not pass through
 * a state that the kernel refuses (a burst above the quota) or that kills (less memory before there is more swap space).
 */
import { ioMaxLine, ioWeightLine } from "./io.ts";
import type { LimitWrite } from "./limits.ts";

/** The amount at the start of a file's text or of a value; more than any other for `max`. */
function amount(text: string): bigint {
  const [word = ""] = text.trim().split(/\s/, 1);
  return /^[0-9]{1,20}$/.test(word) ? BigInt(word) : 1n << 64n;
}

function rank({ file, value }: LimitWrite, before: string): number {
  const isLowered = amount(value) < amount(before);
  if (file === "cpu.max.burst") {
    return isLowered ? 0 : 2;
  }
  const takesMemory = file === "memory.high" || file === "memory.max" || file === "memory.swap.max";
  return takesMemory && isLowered ? 3 : 1;
}

/** A write with the text that its file had before. */
export interface Change {
  readonly write: LimitWrite;
  readonly before: string;
  /** The text before of the file that the kernel sets back on this write, if there is one. */
  readonly resetBefore?: string | undefined;
}

export function inOrder(changes: readonly Change[]): Change[] {
  return changes.toSorted((a, b) => rank(a.write, a.before) - rank(b.write, b.before));
}

/** What to write to a file to have its text from before; undefined where there is nothing to write. */
export function textBefore(file: string, before: string, device?: string): string | undefined {
  const text = before.trim();
  if (file === "cpu.weight" && text === "0") {
    // What the kernel shows for an idle group, and takes from nobody.
    return undefined;
  }
  if (device !== undefined) {
    return ioMaxLine(text, device);
  }
  if (file === "io.weight") {
    return ioWeightLine(text);
  }
  return text === "" ? "\n" : text;
}

/** What to write to undo a change. */
export function valueBefore({ write, before }: Change): string | undefined {
  return textBefore(write.file, before, write.device);
}
