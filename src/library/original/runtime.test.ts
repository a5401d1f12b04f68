import { expect, test } from "bun:test";
import { cells } from "../index.ts";
import * as runtime from "./runtime.ts";

test("a cell's processors and memory nodes of then are its cpuset of now", () => {
  expect(runtime.Cell.fromPartial({ name: "a", cpus: "2", mems: "0" })).toEqual(
    cells.Cell.fromPartial({ name: "a", cpuset: { cpus: "2", mems: "0" } }),
  );
});

test("a cell's share of then is its weight of now, and its quota the most time", () => {
  const cpuOf = (shares: number) => runtime.Cell.fromPartial({ shares }).cpu?.weight;
  expect([2, 1024, 262_144].map(cpuOf)).toEqual([1, 39, 10_000]);
  expect(runtime.Cell.fromPartial({ quota: 5000 }).cpu).toEqual({ max: 5000 });
  expect(() => cpuOf(1)).toThrow("cell.shares: want an integer, 2 to 262144, not 1");
});

test("what a cell says in the names of now goes first", () => {
  const both = runtime.Cell.create({ cpus: "2", cpuset: { cpus: "3" } });
  expect(both.cpuset).toEqual({ cpus: "3" });
});

test("an executable keeps the name of its cell", () => {
  expect(runtime.Executable.fromPartial({ cellName: "a", name: "x" })).toEqual({
    ...cells.Executable.fromPartial({ name: "x" }),
    cellName: "a",
  });
  expect(() => runtime.Executable.create({ cellName: 3 as never })).toThrow(
    "Executable: cellName: want a string, not 3",
  );
});

test("what is wrong is refused with the words of now", () => {
  expect(() => runtime.Cell.fromPartial({ cpus: 2 as never })).toThrow(
    "Cell: cpuset.cpus: want a string, not 2",
  );
  expect(() => runtime.Cell.fromPartial({ cpu: 2 as never, quota: 1 })).toThrow(
    "Cell: cpu: want CpuController, an object, not 2",
  );
  expect(() => runtime.Cell.fromPartial(3 as never)).toThrow("want Cell, an object, not 3");
});

test("two different cells for one executable are refused", async () => {
  const service = new runtime.CellServiceClient();
  const request = { cellName: "a", executable: { cellName: "b" } };
  await expect(service.start(request)).rejects.toThrow(
    'executable.cellName: is "b", and cellName is "a": give one',
  );
});
