import { expect, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { ViolationsSchema } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Code, ConnectError } from "@connectrpc/connect";
import { errorLines } from "./error-lines.ts";

/** The error as a client gets it: details by name and bytes. */
function received(details: { type: string; value: Uint8Array }[], message = "bad"): ConnectError {
  const error = new ConnectError(message, Code.InvalidArgument);
  error.details = details;
  return error;
}

test("errorLines writes one line for each violation of a google.rpc.BadRequest", () => {
  const writer = new BinaryWriter();
  for (const [field, description] of [
    ["cell.cpu.weight", "must be at most 10000"],
    ["", "more"],
  ] as const) {
    writer.tag(1, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(field);
    writer.tag(2, WireType.LengthDelimited).string(description);
    writer.join();
  }
  const value = writer.finish();
  expect(errorLines(received([{ type: "google.rpc.BadRequest", value }]))).toEqual([
    "invalid argument: cell.cpu.weight: must be at most 10000",
    "invalid argument: more",
  ]);
});

test("errorLines reads buf.validate.Violations with lists and maps in the path", () => {
  const violations = create(ViolationsSchema, {
    violations: [
      {
        field: {
          elements: [
            { fieldName: "drives", subscript: { case: "index", value: 2n } },
            { fieldName: "labels", subscript: { case: "stringKey", value: "a" } },
            { fieldName: "name" },
          ],
        },
        message: "is too long",
      },
      { ruleId: "some.rule" },
    ],
  });
  const value = toBinary(ViolationsSchema, violations);
  expect(errorLines(received([{ type: "buf.validate.Violations", value }]))).toEqual([
    'invalid argument: drives[2].labels["a"].name: is too long',
    "invalid argument: some.rule",
  ]);
});

test("errorLines falls back to the message when a detail can't be read, and escapes it", () => {
  const value = new Uint8Array([0x0a, 0xff]);
  expect(errorLines(received([{ type: "google.rpc.BadRequest", value }], "a\x1bb"))).toEqual([
    "invalid argument: a\\x1bb",
  ]);
  expect(errorLines(new ConnectError("", Code.FailedPrecondition))).toEqual([
    "failed precondition",
  ]);
});
