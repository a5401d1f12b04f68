/**
 * The command tree, made from the service descriptors at run time: `aer <group> <method>`, a flag for each field of the
 * request. Knows no parsing, no output and no words about anything (texts.ts); parser, help and completion all read this.
 */
import { type DescField, type DescMessage, type DescMethod, ScalarType } from "@bufbuild/protobuf";
import { isByteField, type MethodException, type PositionalException } from "./exceptions.ts";
import { EXIT } from "./exit-codes.ts";
import { type FlagSpec, GLOBAL_FLAG_LIST } from "./flags.ts";
import type { CommandGroup } from "./groups.ts";
import { enumValueName, flagName, kebabFromPascal, placeholder } from "./names.ts";

/** The way from the request to a field. */
export type FieldPath = readonly DescField[];

/**
 * How the text of a value is read: by the field's own type, as JSON, as a whole number with K, M, G or T, as a signal by
 * name or number, or as one entry of a map: `KEY=VALUE`, `KEY=BYTES`, `NAME=SOFT[:HARD]`.
 */
export type ValueSyntax =
  "plain" | "json" | "bytes" | "signal" | "entry" | "bytes-entry" | "limit-entry";

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
  /** Of a command that no method stands for alone. */
  readonly summary: string | undefined;
  /** What is said after the method's own words. */
  readonly note: string | undefined;
  readonly positionals: readonly Positional[];
  readonly flags: readonly RequestFlag[];
  /** Flags that are no field of the request. */
  readonly extras: readonly FlagSpec[];
  /** The field that takes the words after `--`. */
  readonly rest: RequestFlag | undefined;
  readonly exactlyOne: MethodException["exactlyOne"];
  readonly exitCode: NonNullable<MethodException["exitCode"]>;
  readonly tool: MethodException["tool"];
}

/** The names of a group's commands, in the order of the proto. */
export function commandNames(group: CommandGroup): readonly string[] {
  return candidatesOf(group).map(({ name }) => name);
}

export function findCommand(group: CommandGroup, name: string): Command | undefined {
  const found = candidatesOf(group).find((one) => one.name === name);
  return found === undefined ? undefined : commandFor(group.name, found);
}

export function commandsOf(group: CommandGroup): readonly Command[] {
  return candidatesOf(group).map((candidate) => commandFor(group.name, candidate));
}

/** What a summary is called in summaries.ts. */
export function methodKey(method: DescMethod): string {
  return `${method.parent.typeName}.${method.name}`;
}

interface Candidate {
  readonly name: string;
  readonly method: DescMethod;
  readonly summary: string | undefined;
  readonly exception: MethodException;
}

/** A request that is a stream can't be written as one command line; it needs a tool that speaks it. */
function candidatesOf({ service, exceptions, extras }: CommandGroup): readonly Candidate[] {
  const generated = service.methods
    .map((method) => ({
      name: kebabFromPascal(method.name),
      method,
      summary: undefined,
      exception: exceptions[methodKey(method)] ?? {},
    }))
    .filter(
      ({ method, exception }) =>
        method.methodKind === "unary" ||
        method.methodKind === "server_streaming" ||
        exception.tool !== undefined,
    );
  return [...generated, ...extras];
}

function commandFor(group: string, { name, method, summary, exception }: Candidate): Command {
  const positionalPaths = new Set(exception.positionals?.map(({ path }) => path));
  const paths = leavesOf(method.input, []).filter(
    (path) => exception.omits?.includes(pathText(path)) !== true,
  );
  const wrappers = wrappersOf(paths, exception.wraps);
  const all = paths.map((path) => requestFlag(path, exception, wrappers));
  const counts = new Map<string, number>();
  for (const name of [...all, ...GLOBAL_FLAG_LIST].flatMap((flag) => [
    flag.name,
    ...flag.aliases,
  ])) {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const flags = all
    .filter((flag) => !positionalPaths.has(pathText(flag.path)))
    .filter((flag) => pathText(flag.path) !== exception.rest)
    .map((flag) => withShownName(flag, exception, wrappers, (alias) => counts.get(alias) === 1));
  const rest = all.find((flag) => pathText(flag.path) === exception.rest);
  return {
    group,
    name,
    method,
    summary,
    note: exception.note,
    positionals: (exception.positionals ?? []).flatMap(
      ({ path, shown, about, omittedBy, ...more }) => {
        const flag = all.find((one) => pathText(one.path) === path);
        return flag === undefined
          ? []
          : [
              {
                name: shown ?? placeholder(flag.path.map((field) => field.name)),
                flag: about === undefined ? flag : { ...flag, summary: about },
                ...(more.default === undefined ? {} : { default: more.default }),
                ...(omittedBy === undefined ? {} : { omittedBy: omittingFlag(omittedBy, flags) }),
              },
            ];
      },
    ),
    flags,
    extras: exception.extras ?? [],
    rest,
    exactlyOne: exception.exactlyOne,
    exitCode: exception.exitCode ?? (() => EXIT.ok),
    tool: exception.tool,
  };
}

/** A flag of its own, or the flag of another field that says the same in another way. */
function omittingFlag(
  omittedBy: NonNullable<PositionalException["omittedBy"]>,
  flags: readonly RequestFlag[],
): FlagSpec {
  const other = flags.find((flag) => pathText(flag.path) === omittedBy.path);
  return other ?? { name: omittedBy.flag, aliases: [], summary: omittedBy.summary };
}

/** The one message that a request wraps, whose name says nothing: `cell` of Allocate, but none of Update's. */
function wrappersOf(
  paths: readonly FieldPath[],
  named: readonly string[] | undefined,
): ReadonlySet<DescField | undefined> {
  const roots = new Set(paths.filter((path) => path.length > 1).map((path) => path[0]));
  return named === undefined
    ? new Set(roots.size === 1 ? roots : [])
    : new Set([...roots].filter((field) => named.includes(field?.name ?? "")));
}

/**
 * A flag by its short form, where it has one that means no other flag; the name with the whole path, which is the
 * original's, goes on working. What only says "id" stays long.
 */
function withShownName(
  flag: RequestFlag,
  exception: MethodException,
  wrappers: ReadonlySet<DescField | undefined>,
  isUnique: (alias: string) => boolean,
): RequestFlag {
  const aliases = flag.aliases.filter(isUnique);
  const short =
    exception.flags?.[pathText(flag.path)]?.name ?? shortFlagName(flag.path, wrappers) ?? "id";
  if (short === "id" || !aliases.includes(short)) {
    return { ...flag, aliases };
  }
  return { ...flag, name: short, aliases: [flag.name, ...aliases.filter((one) => one !== short)] };
}

/** Without the message around it, `memory-max` for `cell.memory.max`; undefined for a field of the request itself. */
function shortFlagName(
  path: FieldPath,
  wrappers: ReadonlySet<DescField | undefined>,
): string | undefined {
  return path.length > 1 && wrappers.has(path[0])
    ? flagName(path.slice(1).map((field) => field.name))
    : undefined;
}

/** Every field of a request that a flag could stand for. */
export function pathsOf(message: DescMessage): readonly FieldPath[] {
  return leavesOf(message, []);
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

function requestFlag(
  path: FieldPath,
  exception: MethodException,
  wrappers: ReadonlySet<DescField | undefined>,
): RequestFlag {
  const names = path.map((field) => field.name);
  const special = exception.flags?.[pathText(path)] ?? {};
  const leaf = path.at(-1);
  if (leaf === undefined) {
    throw new Error("a flag needs a field");
  }
  const syntax = syntaxOf(leaf);
  const short = shortFlagName(path, wrappers);
  const isSwitch = leaf.fieldKind === "scalar" && leaf.scalar === ScalarType.BOOL;
  const choices = choicesOf(leaf);
  return {
    path,
    syntax,
    name: flagName(names),
    aliases: [
      ...(short === undefined ? [] : [short]),
      ...(special.name === undefined ? [] : [special.name]),
      ...(special.aliases ?? []),
    ],
    repeated: path.some((field) => field.fieldKind === "list") || syntax.endsWith("entry"),
    required: special.required ?? false,
    ...(special.short === undefined ? {} : { short: special.short }),
    ...(special.default === undefined ? {} : { default: special.default }),
    ...(isSwitch ? {} : { valueName: valueNameOf(leaf, syntax) }),
    ...(choices === undefined ? {} : { choices }),
    ...(leaf.name.endsWith("_path") ? { completes: "file" as const } : {}),
  };
}

function syntaxOf(field: DescField): ValueSyntax {
  const isBytes = isByteField(field);
  if (field.fieldKind === "map") {
    return field.mapKind === "scalar"
      ? isBytes
        ? "bytes-entry"
        : "entry"
      : field.message?.typeName === "aurae.cells.v0.ResourceLimit"
        ? "limit-entry"
        : "json";
  }
  if (field.message !== undefined) {
    return "json";
  }
  return field.name === "signal" ? "signal" : isBytes ? "bytes" : "plain";
}

function choicesOf(field: DescField): readonly string[] | undefined {
  return field.enum?.values
    .map((value) => enumValueName(value.name, field.enum?.sharedPrefix))
    .filter((name) => name !== "unspecified");
}

const VALUE_NAMES: Partial<Record<ValueSyntax, string>> = {
  json: "JSON",
  bytes: "BYTES",
  signal: "SIGNAL",
  entry: "KEY=VALUE",
  "bytes-entry": "KEY=BYTES",
  "limit-entry": "NAME=SOFT[:HARD]",
};

function valueNameOf(field: DescField, syntax: ValueSyntax): string {
  const plain =
    field.enum !== undefined ? "NAME" : field.scalar === ScalarType.STRING ? "TEXT" : "NUMBER";
  return VALUE_NAMES[syntax] ?? plain;
}

/** `cell.cpu.weight`. */
export function pathText(path: FieldPath): string {
  return path.map((field) => field.name).join(".");
}
