import { describe, expect, test } from "bun:test";
import { DetachKeys } from "./detach-keys.ts";

/** What is handed on of these pieces, and whether the keys were among them. */
function typed(...pieces: string[]): string {
  const keys = new DetachKeys();
  let passed = "";
  for (const piece of pieces) {
    const { pass, isDetached } = keys.push(Buffer.from(piece, "latin1"));
    passed += Buffer.from(pass).toString("latin1");
    if (isDetached) {
      return `${passed}|detached`;
    }
  }
  return passed;
}

describe("DetachKeys", () => {
  test.each([
    [["ab"], "ab"],
    [["\x10\x11"], "|detached"],
    [["a\x10", "\x11b"], "a|detached"],
    [["a\x10", "b"], "a\x10b"],
    [["\x10\x10\x11"], "\x10|detached"],
    [["\x11\x10"], "\x11"],
    [["\x10", "\x10", "\x10", "x"], "\x10\x10\x10x"],
    [["\x10x\x11"], "\x10x\x11"],
    [["\xff\x00"], "\xff\x00"],
  ])("hands on %j as %j", (pieces, passed) => {
    expect(typed(...pieces)).toBe(passed);
  });
});
