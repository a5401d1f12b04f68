import { expect, test } from "bun:test";
import { StateError, StateReader } from "./state.ts";

/** As JSON.parse makes it: to have it as text fails. */
const NO_TEXT: unknown = JSON.parse('{"toString":{},"valueOf":1}');

test.each([
  ["none", undefined, 'the snapshot has no state of "x"'],
  ["a list", [], "has no state of"],
  ["another version", { version: 2 }, "has version 2, and this build reads 1"],
  [
    "a version that is no text",
    { version: NO_TEXT },
    'has version {"toString":{},"valueOf":1}, and',
  ],
])("StateReader refuses %s", (_, state, message) => {
  expect(() => new StateReader('"x"', state, 1)).toThrow(StateError);
  expect(() => new StateReader('"x"', state, 1)).toThrow(message);
});

test("StateReader exactly refuses another value, whatever it is, and says it briefly", () => {
  const reader = new StateReader("x", { version: 1, a: NO_TEXT, b: "y".repeat(10_000), c: 7 }, 1);
  expect(() => reader.exactly("a", 7)).toThrow('is {"toString":{},"valueOf":1}, and here it is 7');
  expect(() => reader.exactly("b", "z")).toThrow(/"y{79}\.\.\., and here it is "z"$/);
  reader.exactly("c", 7);
});
