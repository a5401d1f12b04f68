/**
 * The API reference as data, whatever it is written as: every package with its services, methods, messages and enums, out
 * of the descriptors, the comments, the rules, and what the code says of roles and of methods that are not there yet.
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
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { RULES } from "../../src/authz/rules.ts";
import { SERVICES } from "../../src/service/services.ts";
import { aerLine } from "./aer-words.ts";
import { type Comments, withoutName } from "./comments.ts";
import { curlLine } from "./curl.ts";
import { exampleOf } from "./examples.ts";
import { implementedMethods } from "./implemented.ts";
import { ruleWords } from "./rules.ts";
import { scriptFor } from "./script.ts";

export interface Example {
  readonly title: "curl" | "aer" | "AuraeScript";
  readonly language: "sh" | "ts";
  readonly text: string;
}

export interface MethodEntry {
  readonly name: string;
  /** `aurae.cells.v0.CellService.Allocate`. */
  readonly id: string;
  /** `aurae.cells.v0.CellService/Allocate`, as in a URL. */
  readonly path: string;
  readonly text: readonly string[];
  /** What it answers besides what every method does; undefined where the comment says nothing. */
  readonly errors: string | undefined;
  readonly kind: string;
  /** Who may call it. */
  readonly callers: string;
  readonly isImplemented: boolean;
  readonly input: DescMessage;
  readonly output: DescMessage;
  readonly examples: readonly Example[];
}

export interface ServiceEntry {
  readonly name: string;
  readonly id: string;
  readonly text: readonly string[];
  readonly methods: readonly MethodEntry[];
}

export interface FieldEntry {
  readonly name: string;
  readonly number: number;
  /** `repeated`, `optional`, `map<string,`, or nothing. */
  readonly label: string;
  readonly type: string;
  /** The message or enum that the type is. */
  readonly target: DescMessage | DescEnum | undefined;
  readonly rules: readonly string[];
  readonly text: string;
  /** The oneof it is a part of. */
  readonly oneof: string | undefined;
}

export interface MessageEntry {
  readonly name: string;
  readonly id: string;
  readonly text: readonly string[];
  readonly fields: readonly FieldEntry[];
}

export interface EnumEntry {
  readonly name: string;
  readonly id: string;
  readonly text: readonly string[];
  readonly values: readonly {
    readonly name: string;
    readonly number: number;
    readonly text: string;
  }[];
}

export interface PackageEntry {
  /** `aurae.cells.v0`. */
  readonly name: string;
  readonly text: readonly string[];
  readonly services: readonly ServiceEntry[];
  readonly messages: readonly MessageEntry[];
  readonly enums: readonly EnumEntry[];
}

const KINDS: Readonly<Record<DescMethod["methodKind"], string>> = {
  unary: "one request, one answer",
  server_streaming: "one request, a stream of answers",
  client_streaming: "a stream of requests, one answer",
  bidi_streaming: "a stream of requests, a stream of answers",
};

/** @throws {Error} naming what has no comment, no rule, no example, or a rule that there are no words for */
export function createModel(comments: Comments): readonly PackageEntry[] {
  const isImplemented = implementedMethods();
  const files = new Set(SERVICES.map(({ file }) => file));
  for (const file of files) {
    for (const dependency of file.dependencies) {
      files.add(dependency);
    }
  }
  const packages = [...new Set(SERVICES.map(({ file }) => file.proto.package))];
  return packages.map((name) => {
    const own = [...files].filter((file) => file.proto.package === name);
    const messages = own.flatMap((file) => file.messages.flatMap(withNested));
    return {
      name,
      text: own.slice(0, 1).flatMap((file) => textOf(comments, `${file.name}.proto`)),
      services: own.flatMap((file) =>
        file.services.map((service) => serviceEntry(service, comments, isImplemented)),
      ),
      messages: messages.map((message) => messageEntry(message, comments)),
      enums: [...enumsOf(own), ...messages.flatMap(({ nestedEnums }) => nestedEnums)].map((desc) =>
        enumEntry(desc, comments),
      ),
    };
  });
}

function enumsOf(files: readonly DescFile[]): readonly DescEnum[] {
  return files.flatMap(({ enums }) => enums);
}

function withNested(message: DescMessage): readonly DescMessage[] {
  const nested = message.nestedMessages.filter(({ proto }) => proto.options?.mapEntry !== true);
  return [message, ...nested.flatMap(withNested)];
}

/** `HealthCheckResponse.ServingStatus`, for what is in a message. */
export function shortName({ typeName, file }: DescMessage | DescEnum | DescService): string {
  return typeName.slice(file.proto.package.length + 1);
}

function textOf(comments: Comments, name: string): readonly string[] {
  const text = comments.get(name);
  if (text === undefined) {
    throw new Error(`${name} has no comment in the protos`);
  }
  return text.split("\n\n");
}

function serviceEntry(
  service: DescService,
  comments: Comments,
  isImplemented: (method: DescMethod) => boolean,
): ServiceEntry {
  return {
    name: service.name,
    id: service.typeName,
    text: textOf(comments, service.typeName),
    methods: service.methods.map((method) => methodEntry(method, comments, isImplemented(method))),
  };
}

function methodEntry(method: DescMethod, comments: Comments, isImplemented: boolean): MethodEntry {
  const id = `${method.parent.typeName}.${method.name}`;
  const paragraphs = withoutName(textOf(comments, id).join("\n\n"), method.name).split("\n\n");
  const requests = exampleOf(method);
  const path = `${method.parent.typeName}/${method.name}`;
  const script = scriptFor(method, requests);
  return {
    name: method.name,
    id,
    path,
    text: paragraphs.filter((it) => !it.startsWith("Errors: ")),
    errors: paragraphs.find((it) => it.startsWith("Errors: "))?.slice("Errors: ".length),
    kind: KINDS[method.methodKind],
    callers: callersOf(path),
    isImplemented,
    input: method.input,
    output: method.output,
    examples: [
      { title: "curl", language: "sh", text: curlLine(method, requests) },
      { title: "aer", language: "sh", text: aerLine(method, requests) },
      ...(script === undefined
        ? []
        : [{ title: "AuraeScript", language: "ts", text: script } as const]),
    ],
  };
}

function callersOf(path: string): string {
  const rule = RULES[path];
  if (rule === undefined) {
    throw new Error(`${path} has no rule in src/authz/rules.ts`);
  }
  return rule === "any"
    ? "everybody with a certificate of the CA"
    : `the role ${rule.map((role) => `\`${role}\``).join(" or ")}`;
}

function messageEntry(message: DescMessage, comments: Comments): MessageEntry {
  return {
    name: shortName(message),
    id: message.typeName,
    text: textOf(comments, message.typeName),
    fields: message.fields.map((field) => fieldEntry(field, comments)),
  };
}

function fieldEntry(field: DescField, comments: Comments): FieldEntry {
  const isOptional =
    field.fieldKind !== "message" &&
    field.oneof === undefined &&
    field.presence === FeatureSet_FieldPresence.EXPLICIT;
  const target = field.message ?? field.enum;
  const label =
    field.fieldKind === "map"
      ? `map<${ScalarType[field.mapKey].toLowerCase()},`
      : field.fieldKind === "list"
        ? "repeated"
        : isOptional
          ? "optional"
          : "";
  const scalar = field.scalar === undefined ? "" : ScalarType[field.scalar].toLowerCase();
  return {
    name: field.name,
    number: field.number,
    label,
    type: target === undefined ? scalar : shortName(target),
    target,
    rules: ruleWords(field),
    text: textOf(comments, `${field.parent.typeName}.${field.name}`).join(" "),
    oneof: field.oneof?.name,
  };
}

function enumEntry(desc: DescEnum, comments: Comments): EnumEntry {
  return {
    name: shortName(desc),
    id: desc.typeName,
    text: textOf(comments, desc.typeName),
    values: desc.values.map(({ name, number }) => ({
      name,
      number,
      text: textOf(comments, `${desc.typeName}.${name}`).join(" "),
    })),
  };
}
