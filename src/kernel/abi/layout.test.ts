import { describe, expect, test } from "bun:test";
import { block, layout } from "./layout.ts";

describe("layout", () => {
  const example = layout({ a: "u8", b: "u32", c: "u16", d: "u64", e: "i32" });

  test("aligns as C does, the end included", () => {
    expect(example.offsets).toEqual({ a: 0, b: 4, c: 8, d: 16, e: 24 });
    expect(example.size).toBe(32);
  });

  test("reads what it wrote and leaves other bytes alone", () => {
    const view = new DataView(new ArrayBuffer(example.size));
    example.write(view, { d: 2n ** 64n - 1n, e: -5 });
    expect(example.read(view, "d")).toBe(2n ** 64n - 1n);
    expect(example.read(view, "e")).toBe(-5);
    expect(example.read(view, "b")).toBe(0);
    expect(new Uint8Array(example.make({ d: 2n ** 64n - 1n, e: -5 }).buffer)).toEqual(
      new Uint8Array(view.buffer),
    );
  });

  test("gives arrays and inner structures their place, and their alignment", () => {
    const inner = layout({ a: "u64", b: "u8" });
    const outer = layout({ a: "u8", bytes: block(3), inner, words: block(2, "u16"), end: "u8" });
    expect(outer.offsets).toEqual({ a: 0, bytes: 1, inner: 8, words: 24, end: 28 });
    expect(outer.size).toBe(32);
    expect(block(3, inner)).toEqual({ size: 48, alignment: 8 });
  });
});
