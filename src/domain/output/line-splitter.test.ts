import { describe, expect, test } from "bun:test";
import { LINE_MAX_BYTES, type Line, LineSplitter } from "./line-splitter.ts";

/** Feeds chunks, each a millisecond after the one before, and ends. */
function split(...chunks: readonly (string | Uint8Array)[]): Line[] {
  const splitter = new LineSplitter();
  const lines = chunks.flatMap((chunk, i) => [
    ...splitter.add(typeof chunk === "string" ? Buffer.from(chunk) : chunk, i),
  ]);
  const rest = splitter.rest();
  expect(splitter.hasRest).toBe(false);
  return rest === undefined ? lines : [...lines, rest];
}

const shown = (lines: readonly Line[]) =>
  lines.map(({ bytes, timeMs, isPartial }) => [
    Buffer.from(bytes).toString("latin1"),
    timeMs,
    isPartial,
  ]);

describe("LineSplitter", () => {
  test("splits at newlines only, and keeps empty lines and carriage returns", () => {
    expect(shown(split("a\r\n\nb\n"))).toEqual([
      ["a\r", 0, false],
      ["", 0, false],
      ["b", 0, false],
    ]);
  });

  test("joins a line over chunks, with the time of its first byte", () => {
    expect(shown(split("a", "b", "c\nd\n"))).toEqual([
      ["abc", 0, false],
      ["d", 2, false],
    ]);
  });

  test("calls what has no end partial", () => {
    expect(shown(split("a\nb"))).toEqual([
      ["a", 0, false],
      ["b", 0, true],
    ]);
  });

  test("leaves bytes as they are", () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i).filter((byte) => byte !== 0x0a);
    expect(split(bytes)[0]?.bytes).toEqual(bytes);
  });

  test("cuts long lines, and not those that just fit", () => {
    const long = Buffer.alloc(2 * LINE_MAX_BYTES + 1, "x");
    const sizes = (lines: readonly Line[]) => lines.map((it) => [it.bytes.length, it.isPartial]);
    expect(sizes(split(long, "\n"))).toEqual([
      [LINE_MAX_BYTES, true],
      [LINE_MAX_BYTES, true],
      [1, false],
    ]);
    expect(sizes(split(Buffer.concat([long, Buffer.from("\n")])))).toEqual([
      [LINE_MAX_BYTES, true],
      [LINE_MAX_BYTES, true],
      [1, false],
    ]);
    expect(sizes(split(Buffer.alloc(LINE_MAX_BYTES, "x"), "\n"))).toEqual([
      [LINE_MAX_BYTES, false],
    ]);
  });

  test("makes the same lines however the bytes are cut into chunks", () => {
    const text = "one\ntwo\r\n\n\nthree";
    const whole = split(text).map(({ bytes }) => Buffer.from(bytes).toString());
    for (let size = 1; size < text.length; size++) {
      const chunks = text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
      expect(split(...chunks).map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(whole);
    }
  });

  test("joins a line that comes byte by byte", () => {
    const line = "0123456789".repeat(300);
    expect(shown(split(...line, "\n"))).toEqual([[line, 0, false]]);
  });
});
