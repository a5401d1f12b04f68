import { describe as group, expect, test } from "bun:test";
import { describe } from "./description.ts";
import { plan } from "./plan.ts";
import type { Desired } from "./types.ts";

const NOTHING = { cells: [], executables: [], startedOnce: [] };

function refusalOf(desired: unknown): string {
  try {
    plan(desired as Desired, NOTHING);
  } catch (error) {
    return (error as Error).message;
  }
  return "";
}

group("describe", () => {
  test("has parents before children, and full names for relative ones", () => {
    const { cells } = describe({
      cells: [{ name: "a/b" }, { name: "/a/", cells: [{ name: "c", cells: [{ name: "a/c/d" }] }] }],
    });
    expect(cells.map(({ name, cell }) => [name, cell.name])).toEqual(
      ["a", "a/b", "a/c", "a/c/d"].map((name) => [name, name]),
    );
  });

  const executable = { name: "x", command: "x" };
  const cases: readonly [string, unknown, string][] = [
    ["something else", [], "apply: the description: not an object"],
    ["another key", { cell: [] }, 'the description has a "cell"'],
    ["cells that are no list", { cells: {} }, "cells: not a list"],
    ["a cell without a name", { cells: [{ memory: {} }] }, "cells[0]: has no name"],
    ["a bad name", { cells: [{ name: "a_b" }] }, 'cells[0].name: "a_b" is no name of a cell'],
    ["a cell twice", { cells: [{ name: "a" }, { name: "a/" }] }, '"a" is described twice'],
    [
      "a field that is not there",
      { cells: [{ name: "a", memory: { maximum: 1 } }] },
      'cells[0] "a": memory.maximum: aurae.cells.v0.MemoryController has no such field',
    ],
    [
      "a value of another type",
      { cells: [{ name: "a", cells: [{ name: "b", cpu: { weight: "much" } }] }] },
      'cells[0].cells[0] "a/b": cpu.weight: want an integer, not "much"',
    ],
    [
      "a function",
      { executables: [{ ...executable, env: { A: () => "b" } }] },
      'executables[0] "x": env["A"]: want a string, not a function',
    ],
    [
      "a nested cell elsewhere",
      { cells: [{ name: "a", cells: [{ name: "b/c" }] }] },
      '"b/c" is not in the cell "a"',
    ],
    ["a cell in none", { cells: [{ name: "a/b" }] }, 'in "a", which is neither described nor'],
    [
      "an executable's bad name",
      { executables: [{ name: "a/b", command: "x" }] },
      'executables[0].name: "a/b" is no name of an executable',
    ],
    ["an executable twice", { executables: [executable, executable] }, '"x" is described twice'],
    [
      "one that requires what is not there",
      { executables: [{ ...executable, requires: ["y"] }] },
      "(no cell): x requires 'y', which is neither described nor there",
    ],
    [
      "a circle",
      {
        executables: [
          { ...executable, requires: ["y"] },
          { name: "y", command: "y", after: ["x"] },
        ],
      },
      "(no cell): executables wait for each other in a circle: x -> y -> x",
    ],
  ];
  for (const [what, desired, message] of cases) {
    test(`refuses ${what}`, () => {
      expect(refusalOf(desired)).toContain(message);
    });
  }

  test("refuses a cell that holds itself", () => {
    const cell: { readonly name: string; readonly cells: unknown[] } = { name: "a", cells: [] };
    cell.cells.push(cell);
    expect(refusalOf({ cells: [cell] })).toContain("32 at most");
  });
});
