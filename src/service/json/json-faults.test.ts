import { describe, expect, test } from "bun:test";
import { create, createFileRegistry, type DescMessage, fromJsonString } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import * as cells from "../../gen/aurae/cells/v0/cells_pb.ts";
import { jsonFaults } from "./json-faults.ts";

/** The faults as `field: description`. What is asked about must not decode. */
function faults(schema: DescMessage, json: unknown, max = 33): string[] {
  const text = JSON.stringify(json);
  expect(() => fromJsonString(schema, text)).toThrow();
  return jsonFaults(schema, text, max).map(({ field, description }) => `${field}: ${description}`);
}

/** Types that no request of ours has, but for which the walk is ready. */
function otherTypes(): DescMessage {
  const field = (name: string, number: number, more: object) => ({
    ...{ name, number, jsonName: name, label: Label.OPTIONAL },
    ...more,
  });
  const entry = (name: string, value: object) => ({
    name,
    field: [field("key", 1, { type: Type.STRING }), field("value", 2, value)],
    options: { mapEntry: true },
  });
  const file = {
    ...{ name: "t.proto", package: "t", syntax: "proto3" },
    messageType: [
      {
        name: "M",
        field: [
          field("raw", 1, { type: Type.BYTES }),
          field("ratio", 2, { type: Type.DOUBLE }),
          field("numbers", 3, { type: Type.SINT32, label: Label.REPEATED }),
          field("counts", 4, { type: Type.MESSAGE, typeName: ".t.M.C", label: Label.REPEATED }),
          field("inner", 5, { type: Type.MESSAGE, typeName: ".t.M.I", label: Label.REPEATED }),
        ],
        nestedType: [
          entry("C", { type: Type.INT32 }),
          entry("I", { type: Type.MESSAGE, typeName: ".t.M" }),
        ],
      },
    ],
  };
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] }));
  const found = registry.getMessage("t.M");
  if (found === undefined) {
    throw new Error("t.M is not there");
  }
  return found;
}

describe("jsonFaults", () => {
  test("lists wrong types, ranges and unknown fields by path, and the rules that the rest breaks", () => {
    const cell = {
      name: "-",
      cpu: { weight: "abc", max: 1.5, period: "18446744073709551616" },
      memory: { max: "x", min: -1 },
      isolate_process: "yes",
      cpuset: [],
      bogus: 1,
      "a b": 2,
    };
    expect(faults(cells.CellServiceAllocateRequestSchema, { cell })).toEqual([
      "cell.cpu.weight: must be a whole number from 0 to 18446744073709551615",
      "cell.cpu.max: must be a whole number from -9223372036854775808 to 9223372036854775807",
      "cell.cpu.period: must be a whole number from 0 to 18446744073709551615",
      "cell.memory.max: must be a whole number from -9223372036854775808 to 9223372036854775807",
      "cell.isolate_process: must be true or false",
      "cell.cpuset: must be an object",
      "cell.bogus: is not a field of aurae.cells.v0.Cell",
      'cell."a b": is not a field of aurae.cells.v0.Cell',
      "cell.name: must be components of 1 to 63 letters, digits and inner hyphens, joined by /",
      "cell.memory.min: must be greater than or equal to 0",
    ]);
  });

  test("says nothing of a rule where the type is wrong already", () => {
    const { CellServiceAllocateRequestSchema: allocate, CellServiceStartRequestSchema: start } =
      cells;
    expect(faults(allocate, { cell: { name: 12 } })).toEqual(["cell.name: must be a string"]);
    expect(faults(allocate, { cell: "a" })).toEqual(["cell: must be an object"]);
    expect(faults(start, { executable: [], uid: 4294967296 })).toEqual([
      "executable: must be an object",
      "uid: must be a whole number from 0 to 4294967295",
    ]);
  });

  test("knows lists, enums, oneofs, and fields under both of their names", () => {
    const node = {
      cell: { name: "a", isolateProcess: true, isolate_process: false },
      children: [{ cell: { name: "b" } }, 1, null, { cell: { name: 1 } }, { cell: { name: "" } }],
      executables: [
        { name: "\ud800", state: "EXECUTABLE_STATE_RUN", exitStatus: { exitCode: 1, signal: 9 } },
        { name: null, state: 1, exit_status: { exitCode: null, signal: "9" } },
      ],
    };
    const states = cells.ExecutableStateSchema.values.map(({ name }) => name);
    expect(faults(cells.CellGraphNodeSchema, node)).toEqual([
      'cell.isolate_process: must be there once: "isolate_process" and "isolateProcess" are the same field',
      "children[1]: must be an object",
      "children[2]: must be an object",
      "children[3].cell.name: must be a string",
      "executables[0].name: must be valid Unicode",
      `executables[0].state: must be one of ${states.join(", ")}`,
      "executables[0].exit_status.signal: must not be set together with executables[0].exit_status.exit_code",
      "children[4].cell.name: value is required",
    ]);
    expect(faults(cells.CellGraphNodeSchema, { children: {} })).toEqual([
      "children: must be a list",
    ]);
  });

  test("knows bytes, numbers, lists of scalars and maps", () => {
    const message = {
      ...{ raw: "%", ratio: "x", numbers: [1, 1.5, null, "2"], counts: { a: 1, "b c": "x" } },
      inner: { a: { numbers: 1 }, b: { inner: { ["__proto__"]: { raw: 1 } } }, c: 3 },
    };
    expect(faults(otherTypes(), message)).toEqual([
      "raw: must be base64 in a string",
      "ratio: must be a number",
      "numbers[1]: must be a whole number from -2147483648 to 2147483647",
      "numbers[2]: must not be null",
      'counts["b c"]: must be a whole number from -2147483648 to 2147483647',
      "inner[a].numbers: must be a list",
      "inner[b].inner[__proto__].raw: must be base64 in a string",
      "inner[c]: must be an object",
    ]);
  });

  test("stops at so many faults, at so many values, and at so deep a level", () => {
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`x${at}`, 1]));
    expect(faults(cells.CellSchema, many, 5)).toHaveLength(5);
    const children = [...Array.from({ length: 20_000 }, () => ({})), "the first fault"];
    expect(faults(cells.CellGraphNodeSchema, { children })).toEqual([]);
    let deep: object = { cell: 1 };
    for (let depth = 0; depth < 200; depth += 1) {
      deep = { children: [deep] };
    }
    const [fault = ""] = faults(cells.CellGraphNodeSchema, deep);
    expect(fault).toEndWith("children[0]: must be at most 100 levels deep");
  });

  test("repeats no long key, and finds no fault where there is no field to find it with", () => {
    const [fault = ""] = faults(cells.CellSchema, { ["k".repeat(1_000_000)]: 1 });
    expect(fault.length).toBeLessThan(200);
    for (const text of ["", "{", "[]", "null", "1", '{"name":"a","name":"b"}']) {
      expect(jsonFaults(cells.CellSchema, text, 33)).toEqual([]);
    }
  });
});
