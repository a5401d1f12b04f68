/**
 * The request message, from the words of the command line. Only what was given is set, so that a sub-message nobody
 * named is not sent.
 */
import { create, type DescField, type JsonValue, mergeFromJson } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { messageOf } from "../base/errors.ts";
import type { Command, RequestFlag, ValueSyntax } from "./commands.ts";
import { UsageError } from "./usage-error.ts";
import { parseResourceLimit, parseValue } from "./values.ts";

/** One value given for a field, in the order given. */
export interface Assignment {
  readonly flag: RequestFlag;
  readonly text: string;
  /** How the user named it: `--cpu-max`, `CELL_NAME`. */
  readonly label: string;
}

/** @throws UsageError naming the flag */
export function requestFrom(command: Command, assignments: readonly Assignment[]): ReflectMessage {
  const request = reflect(command.method.input);
  const given = new Set(assignments.map(({ flag }) => flag));
  const defaults = command.flags.flatMap((flag): Assignment[] =>
    flag.default === undefined || given.has(flag)
      ? []
      : [{ flag, text: flag.default, label: `--${flag.name}` }],
  );
  const filler = new Filler();
  for (const assignment of [...assignments, ...defaults]) {
    filler.assign(request, assignment);
  }
  return request;
}

class Filler {
  /** The fields given so far for the last element of each list; one given again begins the next element. */
  readonly #elements = new Map<DescField, Set<RequestFlag>>();
  readonly #chosen = new Map<object, { field: DescField; label: string }>();

  assign(request: ReflectMessage, { flag, text, label }: Assignment): void {
    const leaf = flag.path.at(-1);
    if (leaf === undefined) {
      return;
    }
    let parent = request;
    for (const field of flag.path.slice(0, -1)) {
      parent = this.#enter(parent, field, flag);
    }
    this.#refuseSecondChoice(leaf, label);
    if (leaf.fieldKind === "map" && flag.syntax !== "json") {
      setEntry(parent, leaf, flag.syntax, text, label);
      return;
    }
    if (flag.syntax === "json") {
      setJson(parent, leaf, text, label);
      return;
    }
    const value = parseValue(leaf, text, flag.syntax, label);
    if (leaf.fieldKind === "list") {
      parent.get(leaf).add(value);
    } else {
      parent.set(leaf, value);
    }
  }

  #enter(parent: ReflectMessage, field: DescField, flag: RequestFlag): ReflectMessage {
    if (field.fieldKind === "message") {
      if (!parent.isSet(field)) {
        parent.set(field, reflect(field.message));
      }
      return parent.get(field);
    }
    if (field.fieldKind !== "list" || field.listKind !== "message") {
      throw new Error(`"${field.name}" holds no message`);
    }
    const list = parent.get(field);
    let used = this.#elements.get(field);
    if (used === undefined || used.has(flag)) {
      used = new Set();
      this.#elements.set(field, used);
      list.add(reflect(field.message));
    }
    if (flag.path.at(-1)?.fieldKind !== "list") {
      used.add(flag);
    }
    return list.get(list.size - 1) as ReflectMessage;
  }

  #refuseSecondChoice(leaf: DescField, label: string): void {
    if (leaf.oneof === undefined) {
      return;
    }
    const before = this.#chosen.get(leaf.oneof);
    if (before !== undefined && before.field !== leaf) {
      throw new UsageError(`${label}: give this or ${before.label}, not both`);
    }
    this.#chosen.set(leaf.oneof, { field: leaf, label });
  }
}

/** `KEY=VALUE` into a map; `NAME=SOFT[:HARD]`, where a soft bound alone is both, as with `ulimit`. */
function setEntry(
  parent: ReflectMessage,
  field: DescField & { readonly fieldKind: "map" },
  syntax: ValueSyntax,
  text: string,
  label: string,
): void {
  const equals = text.indexOf("=");
  if (equals < 1) {
    const form = syntax === "limit-entry" ? "NAME=SOFT[:HARD]" : "NAME=VALUE";
    throw new UsageError(`${label}: want ${form}, not "${text}"`);
  }
  const key = text.slice(0, equals);
  const value = text.slice(equals + 1);
  const map = parent.get(field);
  if (map.has(key)) {
    throw new UsageError(`${label}: "${key}" is given twice`);
  }
  const name = `${label}: ${key}`;
  if (field.mapKind === "message") {
    map.set(key, reflect(field.message, create(field.message, parseResourceLimit(value, name))));
  } else if (field.mapKind === "scalar") {
    map.set(key, parseValue(field, value, syntax === "bytes-entry" ? "bytes" : "plain", name));
  }
}

function setJson(parent: ReflectMessage, field: DescField, text: string, label: string): void {
  try {
    const value = JSON.parse(text) as JsonValue;
    mergeFromJson(parent.desc, parent.message, { [field.jsonName]: value });
  } catch (error) {
    throw new UsageError(`${label}: want JSON of the field: ${messageOf(error)}`);
  }
}
