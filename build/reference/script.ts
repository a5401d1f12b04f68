/**
 * A call as an AuraeScript. The one place that knows the shape of the library (src/library): namespaces by package,
 * `<service>Client`, `<message>.fromPartial`, names in camelCase, the fields of a oneof as optional ones.
 */
import {
  type DescField,
  type DescMethod,
  fromJson,
  type JsonObject,
  ScalarType,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";

/** A request up to this length stands on one line. */
const LINE_MAX = 64;

/** The namespace of the library that has a package's services; none for what the library leaves out. */
function namespaceOf({ parent }: DescMethod): string | undefined {
  const match = /^(?:aurae\.(\w+)\.v0|grpc\.(\w+)\.v1)$/.exec(parent.file.proto.package);
  return match?.[1] ?? match?.[2];
}

/** A module on its own; undefined for a service that the library has no client for. */
export function scriptFor(method: DescMethod, requests: readonly JsonObject[]): string | undefined {
  const namespace = namespaceOf(method);
  if (namespace === undefined) {
    return undefined;
  }
  const isStream =
    method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
  const texts = requests.map((request) =>
    messageText(
      reflect(method.input, fromJson(method.input, request)),
      namespace,
      isStream ? "  " : "",
    ),
  );
  const client = [
    `import { createClient, ${namespace} } from "aurae";`,
    "",
    "const client = await createClient();",
    `const service = new ${namespace}.${method.parent.name}Client(client);`,
  ];
  const call = `service.${method.localName}`;
  if (method.methodKind === "unary") {
    return [...client, `console.log(await ${call}(${texts[0]}));`].join("\n");
  }
  const loop = (request: string): readonly string[] => [
    `for await (const answer of ${call}(${request})) {`,
    "  console.log(answer);",
    "}",
  ];
  if (method.methodKind === "server_streaming") {
    return [...client, ...loop(texts[0] ?? "{}")].join("\n");
  }
  const yields = texts.map(
    (text) => `  yield ${namespace}.${method.input.name}.fromPartial(${text});`,
  );
  return [...client, "async function* requests() {", ...yields, "}", ...loop("requests()")].join(
    "\n",
  );
}

/** @param indent of the line that it begins on */
function messageText(message: ReflectMessage, namespace: string, indent: string): string {
  const entries: string[] = [];
  for (const member of message.members) {
    const field = member.kind === "oneof" ? message.oneofCase(member) : member;
    if (field === undefined || !message.isSet(field)) {
      continue;
    }
    const inner = `${indent}  `;
    entries.push(`${field.localName}: ${valueText(message, field, namespace, inner)}`);
  }
  return braces(entries, indent);
}

/** On one line where that is short. */
function braces(entries: readonly string[], indent: string): string {
  const line = entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
  return indent.length + line.length > LINE_MAX || line.includes("\n")
    ? `{\n${entries.map((entry) => `${indent}  ${entry},\n`).join("")}${indent}}`
    : line;
}

function valueText(
  message: ReflectMessage,
  field: DescField,
  namespace: string,
  indent: string,
): string {
  if (field.fieldKind === "message") {
    return messageText(message.get(field), namespace, indent);
  }
  if (field.fieldKind === "map") {
    throw new Error(`${field.parent.typeName}.${field.name}: the reference has no text for a map`);
  }
  if (field.fieldKind === "list") {
    const items = [...message.get(field)].map((item) => scalarText(field, item, namespace));
    return `[${items.join(", ")}]`;
  }
  return scalarText(field, message.get(field), namespace);
}

function scalarText(field: DescField, value: unknown, namespace: string): string {
  if (field.enum !== undefined) {
    const found = field.enum.value[Number(value)];
    return `${namespace}.${field.enum.name}.${found?.localName}`;
  }
  if (field.scalar === ScalarType.BYTES) {
    throw new Error(`${field.parent.typeName}.${field.name}: the reference has no text for bytes`);
  }
  const isSafe = typeof value === "bigint" && BigInt(Number(value)) === value;
  return typeof value === "bigint" ? `${value}${isSafe ? "" : "n"}` : JSON.stringify(value);
}
