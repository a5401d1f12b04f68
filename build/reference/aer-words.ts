/**
 * The words for `aer` that make a request: the opposite of what src/cli parses, by the same table of commands. The
 * commands with requests that are streams make all but the first themselves.
 */
import { type DescMethod, fromJson, type JsonObject } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import {
  commandsOf,
  type Command,
  type FieldPath,
  type RequestFlag,
} from "../../src/cli/commands.ts";
import { enumValueName } from "../../src/cli/names.ts";
import { loadGroups } from "../../src/cli/groups.ts";
import { shellWord } from "./shell.ts";

const GROUPS = await loadGroups();

/** The command for a method; none where only `aer call` does it. */
export function commandOf(method: DescMethod): Command | undefined {
  const group = GROUPS.find(({ service }) => service === method.parent);
  return group === undefined
    ? undefined
    : commandsOf(group).find((it) => it.method === method && it.summary === undefined);
}

/** Without `aer` in front. */
export function aerWords(method: DescMethod, requests: readonly JsonObject[]): readonly string[] {
  const command = commandOf(method);
  if (command === undefined) {
    const texts = requests.map((request) => JSON.stringify(request));
    return ["call", `${method.parent.typeName}/${method.name}`, ...texts];
  }
  const request = reflect(method.input, fromJson(method.input, requests[0] ?? {}));
  const words = [command.group, command.name];
  for (const { flag, omittedBy } of command.positionals) {
    const texts = textsAt(request, flag);
    if (texts.length > 0) {
      words.push(...texts);
    } else if (omittedBy !== undefined && !command.flags.some((it) => it === omittedBy)) {
      words.push(`--${omittedBy.name}`);
    }
  }
  for (const flag of command.flags) {
    for (const text of textsAt(request, flag)) {
      words.push(
        `--${flag.name}`,
        ...(flag.valueName === undefined && text === "true" ? [] : [text]),
      );
    }
  }
  const rest = command.rest === undefined ? [] : textsAt(request, command.rest);
  return rest.length === 0 ? words : [...words, "--", ...rest];
}

export function aerLine(method: DescMethod, requests: readonly JsonObject[]): string {
  return ["aer", ...aerWords(method, requests).map(shellWord)].join(" ");
}

/** The texts of the values at a flag's field; none where it is not set. */
function textsAt(request: ReflectMessage, flag: RequestFlag): readonly string[] {
  const leaf = flag.path.at(-1);
  const parent = parentAt(request, flag.path.slice(0, -1));
  if (leaf === undefined || parent === undefined || !parent.isSet(leaf)) {
    return [];
  }
  const textOf = (value: unknown): string =>
    leaf.enum === undefined
      ? String(value)
      : enumValueName(leaf.enum.value[Number(value)]?.name ?? "", leaf.enum.sharedPrefix);
  if (leaf.fieldKind === "list") {
    return [...parent.get(leaf)].map(textOf);
  }
  if (leaf.fieldKind === "map" || leaf.fieldKind === "message") {
    throw new Error(`${leaf.parent.typeName}.${leaf.name}: no words for a message or a map`);
  }
  return [textOf(parent.get(leaf))];
}

function parentAt(request: ReflectMessage, path: FieldPath): ReflectMessage | undefined {
  let at = request;
  for (const field of path) {
    if (field.fieldKind !== "message" || !at.isSet(field)) {
      return undefined;
    }
    at = at.get(field);
  }
  return at;
}
