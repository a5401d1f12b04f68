/**
 * `proto/buf/validate/validate.proto` is a part of protovalidate's own file. What it has must be there under the same
 * names and numbers and with the same types, or the rules in our protos would mean something else to the server.
 */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary, isFieldSet } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { inRoot } from "../../build/paths.ts";
import { run } from "../../build/run.ts";

const PATH = "buf/validate/validate.proto";
const folder = mkdtempSync(join(tmpdir(), "auraed-proto-"));

afterAll(() => rmSync(folder, { recursive: true }));

async function committedSubset(): Promise<FileDescriptorProto> {
  const image = join(folder, "image.binpb");
  await run(["buf", "build", "--as-file-descriptor-set", "-o", image], { cwd: inRoot("proto") });
  const { file } = fromBinary(FileDescriptorSetSchema, readFileSync(image));
  const found = file.find(({ name }) => name === PATH);
  if (found === undefined) {
    throw new Error(`proto/ has no ${PATH}`);
  }
  return found;
}

/** What of a field its meaning on the wire and in JSON hangs on. */
function shapeOf(field: FieldDescriptorProto, oneofs: readonly string[]): string {
  const { number, type, label, typeName, extendee, proto3Optional } = field;
  // The whole has more members in its oneofs; the name says which one a field is in.
  const isInOneof = isFieldSet(field, FieldDescriptorProtoSchema.field.oneofIndex);
  const oneof = isInOneof ? (oneofs[field.oneofIndex] ?? "?") : "";
  return JSON.stringify({ number, type, label, typeName, extendee, oneof, proto3Optional });
}

type Shapes = Map<string, string>;

function addMessage(shapes: Shapes, scope: string, message: DescriptorProto): void {
  const name = `${scope}.${message.name}`;
  shapes.set(name, "message");
  const oneofs = message.oneofDecl.map((oneof) => oneof.name);
  for (const field of message.field) {
    shapes.set(`${name}.${field.name}`, shapeOf(field, oneofs));
  }
  for (const nested of message.nestedType) {
    addMessage(shapes, name, nested);
  }
  for (const nested of message.enumType) {
    addEnum(shapes, name, nested);
  }
}

function addEnum(shapes: Shapes, scope: string, { name, value }: EnumDescriptorProto): void {
  for (const { name: member, number } of value) {
    shapes.set(`${scope}.${name}.${member}`, String(number));
  }
}

function shapesOf(file: FileDescriptorProto): Shapes {
  const shapes: Shapes = new Map();
  for (const message of file.messageType) {
    addMessage(shapes, file.package, message);
  }
  for (const type of file.enumType) {
    addEnum(shapes, file.package, type);
  }
  for (const extension of file.extension) {
    shapes.set(`${file.package}.${extension.name}`, shapeOf(extension, []));
  }
  return shapes;
}

/** What the part has otherwise than the whole. */
function differences(part: Shapes, whole: Shapes): string[] {
  return [...part]
    .filter(([name, shape]) => whole.get(name) !== shape)
    .map(([name, shape]) => `${name}: ${shape}, not ${whole.get(name) ?? "there at all"}`);
}

test("validate.proto has nothing that protovalidate's own file has not, or has otherwise", async () => {
  const part = await committedSubset();
  const whole = file_buf_validate_validate.proto;
  expect(part.package).toBe(whole.package);
  expect(part.syntax).toBe(whole.syntax);
  expect(shapesOf(part).size).toBeGreaterThan(10);
  expect(differences(shapesOf(part), shapesOf(whole))).toEqual([]);
});

test("differences tells a field with another number from the same one", async () => {
  const whole = shapesOf(file_buf_validate_validate.proto);
  const part = shapesOf(await committedSubset());
  const [name = "", shape = ""] = [...part].find(([, text]) => text.startsWith("{")) ?? [];
  part.set(name, shape.replace(/"number":\d+/, '"number":9999'));
  part.set("buf.validate.NoSuchRules", "message");
  expect(differences(part, whole)).toEqual([
    expect.stringContaining(name),
    "buf.validate.NoSuchRules: message, not there at all",
  ]);
});
