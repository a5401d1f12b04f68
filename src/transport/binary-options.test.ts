import { describe, expect, test } from "bun:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CellGraphNodeSchema,
  CellServiceListRequestSchema,
  CellServiceListResponseSchema,
} from "../gen/aurae/cells/v0/cells_pb.ts";
import { binaryOptions } from "./binary-options.ts";

/** Field 15, a varint of 1. */
const UNKNOWN = [0x78, 1];

describe("binaryOptions", () => {
  test("keeps unknown fields, up to a number that begins anew with each message", () => {
    const options = binaryOptions(4);
    const three = Uint8Array.from([UNKNOWN, UNKNOWN, UNKNOWN].flat());
    for (let turn = 0; turn < 3; turn += 1) {
      const message = fromBinary(CellServiceListRequestSchema, three, options);
      expect(message.$unknown?.map(({ no }) => no)).toEqual([15, 15, 15]);
    }
    const four = Uint8Array.from([...three, ...UNKNOWN]);
    expect(() => fromBinary(CellServiceListRequestSchema, four, options)).toThrow(
      "more than 4 nested messages and unknown fields",
    );
  });

  test("counts nested messages, and still bounds how deep they are", () => {
    const wide = toBinary(
      CellServiceListResponseSchema,
      create(CellServiceListResponseSchema, { cells: [{}, {}, {}] }),
    );
    expect(fromBinary(CellServiceListResponseSchema, wide, binaryOptions(4)).cells.length).toBe(3);
    expect(() => fromBinary(CellServiceListResponseSchema, wide, binaryOptions(3))).toThrow(
      "more than 3",
    );
    let deep = create(CellGraphNodeSchema);
    for (let depth = 0; depth < 100; depth += 1) {
      deep = create(CellGraphNodeSchema, { children: [deep] });
    }
    const bytes = toBinary(CellGraphNodeSchema, deep);
    expect(() => fromBinary(CellGraphNodeSchema, bytes, binaryOptions(1_000))).toThrow(
      "maximum recursion depth",
    );
  });
});
