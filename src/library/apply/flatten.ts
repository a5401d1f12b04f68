/**
 * A message as a flat table: a line for each field that says something, by its path in the API's own names
 * (`memory.max`, `env["PORT"]`), with its value as text. Two messages that ask for the same have the same table, so that
 * what differs can be found and shown. Pure.
 */
import type { DescEnum, DescField, DescMessage, MessageShape } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import type { Change } from "./types.ts";

export type FieldTable = ReadonlyMap<string, string>;

/** A message that is there and says nothing may mean something: no capability at all, no bound at all. */
const SET = "{}";

export interface FlattenOptions {
  /** Messages, by their path, that mean something by being there. */
  readonly present?: readonly string[];
  /** By which field the messages of a list are told apart, by the path of the list. */
  readonly keys?: Readonly<Record<string, string>>;
}

function enumText(desc: DescEnum, value: number): string {
  return desc.value[value]?.localName ?? `${value}`;
}

function scalarText(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

class Flattener {
  readonly table = new Map<string, string>();
  readonly #options: FlattenOptions;

  constructor(options: FlattenOptions) {
    this.#options = options;
  }

  message(message: ReflectMessage, prefix: string): void {
    for (const field of message.fields) {
      if (message.isSet(field)) {
        this.#field(message, field, `${prefix}${field.name}`);
      }
    }
  }

  #field(message: ReflectMessage, field: DescField, path: string): void {
    switch (field.fieldKind) {
      case "scalar":
        this.table.set(path, scalarText(message.get(field)));
        return;
      case "enum":
        this.table.set(path, enumText(field.enum, message.get(field)));
        return;
      case "message":
        this.#message(message.get(field), path, this.#options.present?.includes(path) === true);
        return;
      case "map":
        for (const [key, value] of message.get(field)) {
          this.#entry(`${path}[${JSON.stringify(String(key))}]`, value);
        }
        return;
      case "list": {
        const key = this.#options.keys?.[path];
        const items = [...message.get(field)];
        if (key === undefined) {
          this.table.set(path, `[${items.map(scalarText).join(", ")}]`);
          return;
        }
        for (const item of items) {
          this.#keyed(item as ReflectMessage, path, key);
        }
      }
    }
  }

  /** @param counts whether it means something even where it says nothing */
  #message(message: ReflectMessage, path: string, counts: boolean): void {
    if (counts && !message.fields.some((field) => message.isSet(field))) {
      this.table.set(path, SET);
    }
    this.message(message, `${path}.`);
  }

  #entry(path: string, value: unknown): void {
    if (typeof value === "object" && value !== null && "fields" in value) {
      this.#message(value as ReflectMessage, path, true);
    } else {
      this.table.set(path, scalarText(value));
    }
  }

  #keyed(item: ReflectMessage, path: string, key: string): void {
    const name = item.desc.field[key];
    const value = name === undefined ? "" : String(item.get(name));
    const prefix = `${path}[${JSON.stringify(value)}].`;
    for (const field of item.fields) {
      if (field !== name && item.isSet(field)) {
        this.#field(item, field, `${prefix}${field.name}`);
      }
    }
  }
}

export function flatten<D extends DescMessage>(
  desc: D,
  message: MessageShape<D>,
  options: FlattenOptions = {},
): Map<string, string> {
  const flattener = new Flattener(options);
  flattener.message(reflect(desc, message), "");
  return flattener.table;
}

/** What has to change for one table to become the other, by path. */
export function changesBetween(from: FieldTable, to: FieldTable): Change[] {
  const fields = [...new Set([...from.keys(), ...to.keys()])].sort();
  return fields
    .map((field) => ({ field, from: from.get(field), to: to.get(field) }))
    .filter((change) => change.from !== change.to);
}
