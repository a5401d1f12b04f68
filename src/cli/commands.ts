/**
 * The command tree, made from the service descriptors at run time: `aer <group> <method>`, a flag for each field of the
 * request. Knows no parsing and no output; parser, help and completion all read this.
 */
import { type DescField, type DescMessage, type DescMethod, ScalarType } from "@bufbuild/protobuf";
import { SERVICE_GROUPS, type ServiceGroup } from "../client/services.ts";
import { BYTE_MESSAGES, METHOD_EXCEPTIONS, type MethodException } from "./exceptions.ts";
import { type FlagSpec, GLOBAL_FLAG_LIST } from "./flags.ts";
import { enumValueName, flagName, kebabFromPascal, placeholder } from "./names.ts";
import { SUMMARIES } from "./summaries.ts";

/** The way from the request to a field. */
export type FieldPath = readonly DescField[];

/** How the text of a value is read: by the field's own type, as JSON, or as a whole number with K, M, G or T. */
export type ValueSyntax = "plain" | "json" | "bytes";

export interface RequestFlag extends FlagSpec {
  readonly path: FieldPath;
  readonly syntax: ValueSyntax;
}

export interface Positional {
  /** As the help shows it. */
  readonly name: string;
  readonly flag: RequestFlag;
  readonly default?: string;
  /** The flag that says that it is left out on purpose. */
  readonly omittedBy?: FlagSpec;
}

export interface Command {
  readonly group: string;
  readonly name: string;
  readonly method: DescMethod;
  readonly summary: string;
  readonly positionals: readonly Positional[];
  readonly flags: readonly RequestFlag[];
  readonly succeeds: NonNullable<MethodException["succeeds"]>;
}

/** The names of a group's commands, in the order of the proto. */
export function commandNames(group: ServiceGroup): readonly string[] {
  return callable(group).map((method) => kebabFromPascal(method.name));
}

export function findGroup(name: string): ServiceGroup | undefined {
  return SERVICE_GROUPS.find((group) => group.name === name);
}

export function findCommand(group: ServiceGroup, name: string): Command | undefined {
  const method = callable(group).find((one) => kebabFromPascal(one.name) === name);
  return method === undefined ? undefined : commandFor(group.name, method);
}

export function commandsOf(group: ServiceGroup): readonly Command[] {
  return callable(group).map((method) => commandFor(group.name, method));
}

/** What a summary is called in summaries.ts. */
export function methodKey(method: DescMethod): string {
  return `${method.parent.typeName}.${method.name}`;
}

/** Requests that are streams can't be written as one command line. */
function callable({ service }: ServiceGroup): readonly DescMethod[] {
  return service.methods.filter(
    (method) => method.methodKind === "unary" || method.methodKind === "server_streaming",
  );
}

function commandFor(group: string, method: DescMethod): Command {
  const exception = METHOD_EXCEPTIONS[methodKey(method)] ?? {};
  const positionalPaths = new Set(exception.positionals?.map(({ path }) => path));
  const all = leavesOf(method.input, []).map((path) => requestFlag(path, exception));
  const counts = new Map<string, number>();
  for (const name of [...all, ...GLOBAL_FLAG_LIST].flatMap((flag) => [
    flag.name,
    ...flag.aliases,
  ])) {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return {
    group,
    name: kebabFromPascal(method.name),
    method,
    summary: SUMMARIES[methodKey(method)] ?? "",
    positionals: (exception.positionals ?? []).flatMap(({ path, omittedBy, ...rest }) => {
      const flag = all.find((one) => pathText(one.path) === path);
      return flag === undefined
        ? []
        : [
            {
              name: placeholder(flag.path.map((field) => field.name)),
              flag,
              ...(rest.default === undefined ? {} : { default: rest.default }),
              ...(omittedBy === undefined
                ? {}
                : {
                    omittedBy: { name: omittedBy.flag, aliases: [], summary: omittedBy.summary },
                  }),
            },
          ];
    }),
    flags: all
      .filter((flag) => !positionalPaths.has(pathText(flag.path)))
      .map((flag) => withShownName(flag, (alias) => counts.get(alias) === 1)),
    succeeds: exception.succeeds ?? (() => true),
  };
}

/**
 * A flag by its short form, where it has one that means no other flag; the name with the whole path, which is the
 * original's, goes on working. What only says "id" stays long.
 */
function withShownName(flag: RequestFlag, isUnique: (alias: string) => boolean): RequestFlag {
  const aliases = flag.aliases.filter(isUnique);
  const short = shortFlagName(flag.path);
  if (short === undefined || short === "id" || !aliases.includes(short)) {
    return { ...flag, aliases };
  }
  return { ...flag, name: short, aliases: [flag.name, ...aliases.filter((one) => one !== short)] };
}

/** Without the message around it, `memory-max` for `cell.memory.max`; undefined for a field of the request itself. */
function shortFlagName(path: FieldPath): string | undefined {
  return path.length > 1 ? flagName(path.slice(1).map((field) => field.name)) : undefined;
}

/** The fields that hold values, depth first. A message inside itself ends the walk: it is written as JSON. */
function leavesOf(message: DescMessage, above: FieldPath): readonly FieldPath[] {
  return message.fields.flatMap((field) => {
    const path = [...above, field];
    const inner = innerMessage(field, above);
    return inner === undefined ? [path] : leavesOf(inner, path);
  });
}

function innerMessage(field: DescField, above: FieldPath): DescMessage | undefined {
  const { message } = field;
  if (message === undefined || field.fieldKind === "map") {
    return undefined;
  }
  const isRecursive = above.some((one) => one.parent.typeName === message.typeName);
  const isListInList = field.fieldKind === "list" && above.some((one) => one.fieldKind === "list");
  const isWellKnown = message.typeName.startsWith("google.protobuf.");
  return isRecursive || isListInList || isWellKnown || field.parent === message
    ? undefined
    : message;
}

function requestFlag(path: FieldPath, exception: MethodException): RequestFlag {
  const names = path.map((field) => field.name);
  const special = exception.flags?.[pathText(path)] ?? {};
  const leaf = path.at(-1);
  if (leaf === undefined) {
    throw new Error("a flag needs a field");
  }
  const syntax = syntaxOf(leaf);
  const short = shortFlagName(path);
  const isSwitch = leaf.fieldKind === "scalar" && leaf.scalar === ScalarType.BOOL;
  const choices = choicesOf(leaf);
  return {
    path,
    syntax,
    name: flagName(names),
    aliases: [...(short === undefined ? [] : [short]), ...(special.aliases ?? [])],
    summary: SUMMARIES[`${leaf.parent.typeName}.${leaf.name}`] ?? "",
    repeated: path.some((field) => field.fieldKind === "list"),
    required: special.required ?? false,
    ...(special.short === undefined ? {} : { short: special.short }),
    ...(special.default === undefined ? {} : { default: special.default }),
    ...(isSwitch ? {} : { valueName: valueNameOf(leaf, syntax) }),
    ...(choices === undefined ? {} : { choices }),
    ...(leaf.name.endsWith("_path") ? { completes: "file" as const } : {}),
  };
}

function syntaxOf(field: DescField): ValueSyntax {
  if (field.message !== undefined || field.fieldKind === "map") {
    return "json";
  }
  return BYTE_MESSAGES.has(field.parent.typeName) ? "bytes" : "plain";
}

function choicesOf(field: DescField): readonly string[] | undefined {
  return field.enum?.values
    .map((value) => enumValueName(value.name, field.enum?.sharedPrefix))
    .filter((name) => name !== "unspecified");
}

function valueNameOf(field: DescField, syntax: ValueSyntax): string {
  if (syntax !== "plain") {
    return syntax === "json" ? "JSON" : "BYTES";
  }
  if (field.enum !== undefined) {
    return "NAME";
  }
  return field.scalar === ScalarType.STRING ? "TEXT" : "NUMBER";
}

/** `cell.cpu.weight`. */
export function pathText(path: FieldPath): string {
  return path.map((field) => field.name).join(".");
}
