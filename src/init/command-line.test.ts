import { describe, expect, test } from "bun:test";
import { MAX_COMMAND_LINE_CHARACTERS, parseCommandLine } from "./command-line.ts";

const valuesOf = (text: string, name: string) => parseCommandLine(text).values(name);

describe("parseCommandLine", () => {
  test("finds every value of a parameter, in order", () => {
    expect(valuesOf("quiet ip=a console=ttyS0 ip=b\n", "ip")).toEqual(["a", "b"]);
  });

  test("tells a parameter without a value from one that is not there", () => {
    expect(valuesOf("quiet ip=", "quiet")).toEqual([""]);
    expect(valuesOf("quiet ip=", "ip")).toEqual([""]);
    expect(valuesOf("quiet ip=", "i")).toEqual([]);
    expect(valuesOf("", "ip")).toEqual([]);
  });

  test("splits at the first equals sign alone", () => {
    expect(valuesOf("root=UUID=1-2 x==", "root")).toEqual(["UUID=1-2"]);
    expect(valuesOf("root=UUID=1-2 x==", "x")).toEqual(["="]);
  });

  test("takes any number of blanks, tabs and newlines between words", () => {
    expect(valuesOf(" \t a=1\t\tb=2 \n", "b")).toEqual(["2"]);
  });

  test("holds together what is in double quotes, of a value or of a whole word", () => {
    expect(valuesOf('a="x y" b=2', "a")).toEqual(["x y"]);
    expect(valuesOf('"a=x y" b=2', "a")).toEqual(["x y"]);
    expect(valuesOf('a="x y" b=2', "b")).toEqual(["2"]);
  });

  test("takes a quote that is never closed to the end", () => {
    expect(valuesOf('b=2 a="x y', "a")).toEqual(["x y"]);
    expect(valuesOf('b=2 a="x y', "b")).toEqual(["2"]);
  });

  test("leaves out what stands after a word of two hyphens, and only that", () => {
    expect(valuesOf("a=1 -- a=2", "a")).toEqual(["1"]);
    expect(valuesOf("a=1 ---x --b a=2", "a")).toEqual(["1", "2"]);
  });

  test("takes no name for a property of an object", () => {
    expect(valuesOf("a=1", "constructor")).toEqual([]);
    expect(valuesOf("__proto__=1", "__proto__")).toEqual(["1"]);
  });

  test("reads no further than its bound", () => {
    const long = `${"x".repeat(MAX_COMMAND_LINE_CHARACTERS)} a=1`;
    expect(valuesOf(long, "a")).toEqual([]);
    const fits = `${"x".repeat(MAX_COMMAND_LINE_CHARACTERS - 4)} a=1`;
    expect(valuesOf(fits, "a")).toEqual(["1"]);
  });
});
