import { describe, expect, test } from "bun:test";
import { layout } from "./layout.ts";

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
  });
});
