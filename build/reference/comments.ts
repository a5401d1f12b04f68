/**
 * The comments of the protos, by the full name of what they stand at. The help of `aer`, the manual pages and the API
 * reference are made from this one reading of them; descriptors at run time carry none.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { inRoot } from "../paths.ts";
import { run } from "../run.ts";

/**
 * Paragraphs, one line each, with an empty line between them. Of a package under `package.proto` of its files, of a
 * method under `pkg.Service.Method`, of an enum's value under `pkg.Enum.VALUE`.
 */
export type Comments = ReadonlyMap<string, string>;

/** Field numbers of google.protobuf.FileDescriptorProto and of what is in it (descriptor.proto). */
const FILE = { message: 4, enum: 5, service: 6, syntax: 12 } as const;
const MESSAGE = { field: 2, nested: 3, enum: 4, oneof: 8 } as const;
const MEMBER = 2;

/** Reads the comments of all protos under `proto/`. */
export async function readComments(): Promise<Comments> {
  const folder = mkdtempSync(join(tmpdir(), "auraed-comments-"));
  try {
    const image = join(folder, "image.binpb");
    await run(["buf", "build", "--as-file-descriptor-set", "-o", image], { cwd: inRoot("proto") });
    return commentsOf(fromBinary(FileDescriptorSetSchema, readFileSync(image)).file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function commentsOf(files: readonly FileDescriptorProto[]): Comments {
  const found = new Map<string, string>();
  for (const file of files) {
    const names = namesOf(file);
    for (const { path, leadingComments } of file.sourceCodeInfo?.location ?? []) {
      const name = names.get(path.join("."));
      const text = paragraphs(leadingComments);
      if (name !== undefined && text !== "") {
        found.set(name, text);
      }
    }
  }
  return found;
}

/** The full name at each path of a file's source information. */
function namesOf(file: FileDescriptorProto): ReadonlyMap<string, string> {
  const names = new Map<string, string>([[`${FILE.syntax}`, file.name]]);
  const addEnum = (desc: EnumDescriptorProto, scope: string, path: string): void => {
    names.set(path, `${scope}.${desc.name}`);
    for (const [at, value] of desc.value.entries()) {
      names.set(`${path}.${MEMBER}.${at}`, `${scope}.${desc.name}.${value.name}`);
    }
  };
  const addMessage = (desc: DescriptorProto, scope: string, path: string): void => {
    const name = `${scope}.${desc.name}`;
    names.set(path, name);
    for (const [at, field] of desc.field.entries()) {
      names.set(`${path}.${MESSAGE.field}.${at}`, `${name}.${field.name}`);
    }
    for (const [at, oneof] of desc.oneofDecl.entries()) {
      names.set(`${path}.${MESSAGE.oneof}.${at}`, `${name}.${oneof.name}`);
    }
    for (const [at, nested] of desc.nestedType.entries()) {
      addMessage(nested, name, `${path}.${MESSAGE.nested}.${at}`);
    }
    for (const [at, nested] of desc.enumType.entries()) {
      addEnum(nested, name, `${path}.${MESSAGE.enum}.${at}`);
    }
  };
  for (const [at, desc] of file.messageType.entries()) {
    addMessage(desc, file.package, `${FILE.message}.${at}`);
  }
  for (const [at, desc] of file.enumType.entries()) {
    addEnum(desc, file.package, `${FILE.enum}.${at}`);
  }
  for (const [at, desc] of file.service.entries()) {
    const name = `${file.package}.${desc.name}`;
    names.set(`${FILE.service}.${at}`, name);
    for (const [index, method] of desc.method.entries()) {
      names.set(`${FILE.service}.${at}.${MEMBER}.${index}`, `${name}.${method.name}`);
    }
  }
  return names;
}

function paragraphs(comment: string): string {
  return comment
    .split(/\n[ \t]*\n/)
    .map((paragraph) => paragraph.replace(/\s+/g, " ").trim())
    .filter((paragraph) => paragraph !== "")
    .join("\n\n");
}

/** Of a method's comment, the leading name goes: "Allocate makes a cell" stands beside its name anyway. */
export function withoutName(comment: string, name: string): string {
  const rest = comment.startsWith(`${name} `) ? comment.slice(name.length + 1) : comment;
  return rest.slice(0, 1).toUpperCase() + rest.slice(1);
}
