import { describe, expect, test } from "bun:test";
import { AuraeError } from "../../base/errors.ts";
import { CellName } from "./cell-name.ts";

const child = CellName.parse("grandparent-cell/parent-cell/child-cell");

describe("CellName", () => {
  test("leaf is the last component", () => {
    expect(CellName.parse("top-level-cell").leaf).toBe("top-level-cell");
    expect(child.leaf).toBe("child-cell");
  });

  test("root is the first component", () => {
    expect(`${child.root}`).toBe("grandparent-cell");
  });

  test("parent and ancestors are the cells it is in", () => {
    expect(`${child.parent}`).toBe("grandparent-cell/parent-cell");
    expect(child.root.parent).toBeUndefined();
    expect(child.ancestors.map(String)).toEqual([
      "grandparent-cell",
      "grandparent-cell/parent-cell",
    ]);
  });

  test("parse takes 32 components and no more, so that what List answers can be read", () => {
    const deepest = Array.from({ length: 32 }, () => "a").join("/");
    expect(`${CellName.parse(deepest)}`).toBe(deepest);
    expect(() => CellName.parse(`${deepest}/a`)).toThrow("at most 32 components");
  });

  test("parse drops leading and trailing slashes", () => {
    expect(`${CellName.parse("/a/b/")}`).toBe("a/b");
  });

  test.each([
    "a",
    "A9",
    "ae-1",
    "a".repeat(63),
    "a/b-c/9",
    Array.from({ length: 32 }, () => "x".repeat(30)).join("/"),
  ])("parse takes %p", (text) => {
    expect(`${CellName.parse(text)}`).toBe(text);
  });

  test.each([
    "",
    "/",
    "..",
    "a/../b",
    "a//b",
    "a.",
    "-a",
    "a-",
    "_",
    "ae-no_underscore",
    "a b",
    "a\0",
    "a\nb",
    "ä",
    "a".repeat(64),
    "x".repeat(10_000),
    Array.from({ length: 513 }, () => "x").join("/"),
  ])("parse refuses %p whole", (text) => {
    expect(() => CellName.parse(text)).toThrow(AuraeError);
  });
});
