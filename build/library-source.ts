/**
 * The text of a module of `src/library/gen`, from the descriptors of a package. Knows how a script sees the API: plain
 * objects, numbers, camel case, and the members of a oneof beside the other fields.
 */
import {
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
  type DescService,
  ScalarType,
} from "@bufbuild/protobuf";
import { getComments } from "@bufbuild/protoplugin";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";

/** The namespace of each package in the library; null for one that scripts do not get, since it is another's old form. */
export const NAMESPACES: Readonly<Record<string, string | null>> = {
  "aurae.cells.v0": "cells",
  "aurae.discovery.v0": "discovery",
  "aurae.machine.v0": "machine",
  "aurae.observe.v0": "observe",
  "aurae.vms.v0": "vms",
  "grpc.health.v1": "health",
  "grpc.reflection.v1": "reflection",
  "grpc.reflection.v1alpha": null,
  // The rules of fields are for the server.
  "buf.validate": null,
};

/** The longest line that is not folded; the formatter's. */
const WIDTH = 100;

export function moduleSource(namespace: string, files: readonly DescFile[]): string {
  const messages = files.flatMap((file) => file.messages.flatMap(withNested));
  const enums = files.flatMap((file) => [...file.enums, ...file.messages.flatMap(enumsWithin)]);
  const services = files.flatMap((file) => file.services);
  const body = [
    ...services.map(serviceSource),
    ...messages.map((message) => messageSource(message, files)),
    ...enums.map(enumSource),
  ];
  const packageName = files[0]?.proto.package ?? "";
  return `/**
 * The namespace \`${namespace}\` of the library: the package ${packageName}. Generated from proto/ by
 * \`bun build.ts gen\`; do not edit.
 */
${imports(files, services).join("\n")}

${body.join("\n\n")}
`;
}

function imports(files: readonly DescFile[], services: readonly DescService[]): string[] {
  const generated = files.map((file) => {
    const names = [
      ...file.services.map((service) => service.name),
      ...file.messages.flatMap(withNested).map(schemaName),
    ].toSorted();
    return `import {\n${names.map((name) => `  ${aliased(name, services)},\n`).join("")}} from "../../gen/${file.name}_pb.ts";`;
  });
  const calls = new Set(services.flatMap((service) => service.methods.map(callName)));
  return [
    ...generated,
    'import { messageType } from "../message/message-type.ts";',
    'import type { DeepPartial, MessageType } from "../message/types.ts";',
    services.length === 0
      ? ""
      : `import { type CallOptions, ServiceClient } from "../service-client.ts";\nimport { ${[...calls].toSorted().join(", ")} } from "../calls.ts";`,
  ].filter((line) => line !== "");
}

/** A service's descriptor has the service's name, which a message of the module could have, too. */
function aliased(name: string, services: readonly DescService[]): string {
  return services.some((service) => service.name === name) ? `${name} as ${name}Desc` : name;
}

function withNested(message: DescMessage): DescMessage[] {
  // The entries of a map are messages of the descriptor alone.
  return message.proto.options?.mapEntry === true
    ? []
    : [message, ...message.nestedMessages.flatMap(withNested)];
}

function enumsWithin(message: DescMessage): DescEnum[] {
  return [...message.nestedEnums, ...message.nestedMessages.flatMap(enumsWithin)];
}

/** `Outer_Inner` for a nested type, as protoc-gen-es and ts-proto write it. */
function nameOf(type: DescMessage | DescEnum): string {
  return type.parent === undefined ? type.name : `${nameOf(type.parent)}_${type.name}`;
}

function schemaName(message: DescMessage): string {
  return `${nameOf(message)}Schema`;
}

function docs(
  of: DescMessage | DescEnum | DescField | DescMethod | DescService | DescEnum["values"][number],
  indent = "",
  more: readonly string[] = [],
): string {
  const { leading, trailing } = getComments(of);
  const text = (leading ?? trailing ?? "").replaceAll("*/", "*\\/").trimEnd();
  const lines = [
    ...(text === "" ? [] : text.split("\n").map((line) => line.replace(/^ /, ""))),
    ...more,
  ];
  if (lines.length === 0) {
    return "";
  }
  const one = `${indent}/** ${lines[0]} */`;
  if (lines.length === 1 && one.length <= WIDTH) {
    return `${one}\n`;
  }
  return [
    `${indent}/**`,
    ...lines.map((line) => `${indent} * ${line}`.trimEnd()),
    `${indent} */`,
    "",
  ].join("\n");
}

function messageSource(message: DescMessage, files: readonly DescFile[]): string {
  const name = nameOf(message);
  const fields = message.fields.map((field) => fieldSource(field, files)).join("");
  const shape = fields === "" ? "// Nothing is in it.\n" : fields;
  return `${docs(message)}export interface ${name} {\n${fields === "" ? `  ${shape}` : shape}}

${docs(message)}export const ${name}: MessageType<${name}> = /* @__PURE__ */ messageType(${schemaName(message)});`;
}

function fieldSource(field: DescField, files: readonly DescFile[]): string {
  const isAlways =
    field.oneof === undefined &&
    (field.fieldKind === "list" ||
      field.fieldKind === "map" ||
      field.presence === FeatureSet_FieldPresence.IMPLICIT);
  const type = fieldType(field, files);
  const more =
    field.oneof === undefined
      ? []
      : ["", `At most one of ${field.oneof.fields.map((one) => one.localName).join(", ")}.`];
  return `${docs(field, "  ", more)}  ${field.localName}${isAlways ? `: ${type}` : `?: ${type} | undefined`};\n`;
}

function fieldType(field: DescField, files: readonly DescFile[]): string {
  switch (field.fieldKind) {
    case "list":
      return `${valueType(field, files)}[]`;
    case "map":
      return `Record<string, ${valueType(field, files)}>`;
    default:
      return valueType(field, files);
  }
}

function valueType(
  { scalar, enum: enumeration, message }: DescField,
  files: readonly DescFile[],
): string {
  const named = enumeration ?? message;
  if (named !== undefined) {
    if (!files.includes(named.file)) {
      throw new Error(`${named.typeName} is of another package, which the library can't name yet`);
    }
    return nameOf(named);
  }
  switch (scalar) {
    case ScalarType.STRING:
      return "string";
    case ScalarType.BOOL:
      return "boolean";
    case ScalarType.BYTES:
      return "Uint8Array";
    default:
      return "number";
  }
}

/** Each value by its short name, and by the one that the proto writes, which scripts for the original use. */
function enumSource(type: DescEnum): string {
  const values = type.values.map((value) => {
    const short = `${docs(value, "  ")}  ${value.localName} = ${value.number},\n`;
    return value.localName === value.name
      ? short
      : `${short}${docs(value, "  ")}  ${value.name} = ${value.number},\n`;
  });
  return `${docs(type)}export enum ${nameOf(type)} {\n${values.join("")}}`;
}

function serviceSource(service: DescService): string {
  const name = `${service.name}Client`;
  return `${docs(service)}export class ${name} extends ServiceClient {
  static override readonly name: string = "${name}";

${service.methods.map((method) => methodSource(service, method)).join("\n\n")}
}`;
}

function callName({ methodKind }: DescMethod): string {
  switch (methodKind) {
    case "unary":
      return "callUnary";
    case "server_streaming":
      return "callServerStream";
    case "client_streaming":
      return "callClientStream";
    case "bidi_streaming":
      return "callBidiStream";
  }
}

function methodSource(service: DescService, method: DescMethod): string {
  const isMany = method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
  const isStream =
    method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming";
  const input = `DeepPartial<${nameOf(method.input)}>`;
  const parameter = isMany
    ? `requests: AsyncIterable<${input}>`
    : `request: ${input}${isRequired(method) ? "" : " = {}"}`;
  const answer = `${isStream ? "AsyncIterable" : "Promise"}<${nameOf(method.output)}>`;
  return `${docs(method, "  ")}  ${method.localName}(
    ${parameter},
    options: CallOptions = {},
  ): ${answer} {
    return ${callName(method)}(this, ${service.name}Desc.method.${method.localName}, ${isMany ? "requests" : "request"}, options);
  }`;
}

/** A request without fields may be left out. */
function isRequired(method: DescMethod): boolean {
  return method.input.fields.length > 0;
}
