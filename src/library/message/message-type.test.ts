import { expect, test } from "bun:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { cells, observe, reflection } from "../index.ts";
import type { MessageType } from "./types.ts";

/** What a value is refused with. */
function refusal<T>(type: MessageType<T>, part: unknown): string {
  try {
    type.fromPartial(part as never);
  } catch (error) {
    expect(error).toBeInstanceOf(ConnectError);
    expect((error as ConnectError).code).toBe(Code.InvalidArgument);
    return (error as ConnectError).rawMessage;
  }
  return "";
}

test("fromPartial gives what is always there its default, and leaves out what is optional", () => {
  expect(cells.Cell.fromPartial({ name: "a", cpu: { weight: 2 } })).toEqual({
    name: "a",
    cpu: { weight: 2 },
    isolateProcess: false,
    isolateNetwork: false,
  });
  expect(cells.CellServiceListResponse.create()).toEqual({ cells: [], executables: [] });
});

test("fromPartial takes undefined for what is left out", () => {
  expect(cells.CpuController.fromPartial({ weight: undefined, max: 3 })).toEqual({ max: 3 });
});

test("fromPartial keeps 64 bits: numbers where they are exact, bigints beyond", () => {
  expect(cells.MemoryController.fromPartial({ max: 5n, high: 2n ** 62n + 1n })).toEqual({
    max: 5,
    high: (2n ** 62n + 1n) as never,
  });
});

test("fromPartial puts the members of a oneof beside the other fields", () => {
  expect(cells.ExitStatus.fromPartial({ exitCode: 0 })).toEqual({ exitCode: 0 });
  expect(cells.ExitStatus.fromPartial({})).toEqual({});
});

const WRONG: readonly [part: unknown, message: string][] = [
  [{ name: 5 }, "Cell: name: want a string, not 5"],
  [{ name: "\ud800" }, "Cell: name: want well-formed Unicode: it has half of a surrogate pair"],
  [{ nam: "a" }, 'Cell: nam: aurae.cells.v0.Cell has no such field; did you mean "name"?'],
  [
    { isolate_process: true },
    'Cell: isolate_process: aurae.cells.v0.Cell has no such field: write "isolateProcess"',
  ],
  [{ isolateProcess: "yes" }, 'Cell: isolateProcess: want true or false, not "yes"'],
  [{ cpu: 3 }, "Cell: cpu: want CpuController, an object, not 3"],
  [{ cpu: null }, "Cell: cpu: want CpuController, an object, not null"],
  [{ cpu: { weight: "2" } }, 'Cell: cpu.weight: want an integer, not "2"'],
  [{ cpu: { weight: 1.5 } }, "Cell: cpu.weight: want an integer, not 1.5"],
  [{ cpu: { weight: Number.NaN } }, "Cell: cpu.weight: want an integer, not NaN"],
  [{ cpu: { weight: -1 } }, "Cell: cpu.weight: want 0 to 18446744073709551615 (uint64), not -1"],
  [
    { memory: { max: 2 ** 53 } },
    "Cell: memory.max: 9007199254740992 is not exact: write integers of more than 53 bits as bigint, 1n",
  ],
  [{ io: { devices: {} } }, "Cell: io.devices: want an array, not an object"],
  [{ io: { devices: [{ device: 1 }] } }, "Cell: io.devices[0].device: want a string, not 1"],
  [{ hugetlb: { max: [] } }, "Cell: hugetlb.max: want an object of names and values, not an array"],
  [{ hugetlb: { max: { "2MB": "1" } } }, 'Cell: hugetlb.max["2MB"]: want an integer, not "1"'],
  [
    { name: 1, cpu: { weight: "2", max: true } },
    'Cell: name: want a string, not 1; cpu.weight: want an integer, not "2"; cpu.max: want an integer, not true',
  ],
  [null, "Cell: want Cell, an object, not null"],
  ["a", 'Cell: want Cell, an object, not "a"'],
  [[], "Cell: want Cell, an object, not an array"],
];

test.each(WRONG)("fromPartial refuses %j", (part, message) => {
  expect(refusal(cells.Cell, part)).toBe(message);
});

test("fromPartial refuses values of enums, bytes and 32-bit integers that are none", () => {
  expect(refusal(observe.GetSubProcessStreamRequest, { channelType: "STDOUT" })).toBe(
    'GetSubProcessStreamRequest: channelType: want LogChannelType, one of UNSPECIFIED (0), STDOUT (1), STDERR (2), CONSOLE (100), SERIAL (101), not "STDOUT"',
  );
  expect(refusal(observe.GetSubProcessStreamRequest, { channelType: 9 })).toContain("not 9");
  expect(refusal(observe.GetSubProcessStreamRequest, { processId: 2 ** 31 })).toBe(
    "GetSubProcessStreamRequest: processId: want -2147483648 to 2147483647 (int32), not 2147483648",
  );
  expect(refusal(observe.LogItem, { rawLine: "a" })).toBe(
    'LogItem: rawLine: want bytes, a Uint8Array, not "a"',
  );
});

test("fromPartial refuses two members of one oneof", () => {
  expect(refusal(cells.ExitStatus, { exitCode: 0, signal: 9 })).toBe(
    'ExitStatus: signal: goes without "exitCode": give one of the two',
  );
});

test("fromPartial refuses what has no end", () => {
  const node: { children: unknown[] } = { children: [] };
  node.children.push(node);
  expect(refusal(cells.CellGraphNode, node)).toContain("is more than 100 messages deep");
});

test("fromPartial tells ten faults and counts the others, and shortens what it quotes", () => {
  const message = refusal(cells.Executable, { args: Array.from({ length: 50 }, () => 1) });
  expect(message).toEndWith("args[9]: want a string, not 1; and 40 more");
  expect(refusal(cells.Cell, { cpu: "x".repeat(1000) }).length).toBeLessThan(150);
});

test("toJson and fromJson are the JSON of the API, and each other's reverse", () => {
  const cell = cells.Cell.fromPartial({ name: "a", cpu: { weight: 2 } });
  expect(cells.Cell.toJson(cell)).toEqual({ name: "a", cpu: { weight: "2" } });
  expect(cells.Cell.fromJSON(cells.Cell.toJSON(cell))).toEqual(cell);
  expect(() => cells.Cell.fromJson({ name: 1 })).toThrow("Cell: cannot decode field");
});

test("enums have the short names and those of the proto", () => {
  expect(observe.LogChannelType.STDERR).toBe(observe.LogChannelType.LOG_CHANNEL_TYPE_STDERR);
});

test("typeName is the full name", () => {
  expect(reflection.ErrorResponse.typeName).toBe("grpc.reflection.v1.ErrorResponse");
});
