/**
 * From a plain object to a message that can be sent. Every fault is found, each with the path of its field, what is wanted
 * there, and what was given. Nothing is converted in silence: a "2" is no 2.
 */
import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import type { FieldViolation } from "../../base/errors.ts";
import { nearest } from "../../base/suggest.ts";
import { INT64, INTEGER_RANGES, type IntegerRange } from "../../client/integer-ranges.ts";
import { quoted, refuse } from "./refusal.ts";

/** Messages within messages: the depth that the protobuf decoders of most languages stop at. */
const DEPTH_MAX = 100;

/** Faults that are looked for; an array of a million wrong values is wrong after these. */
const FAULTS_MAX = 100;

/** @throws {ConnectError} INVALID_ARGUMENT; `subject` says what the value is for */
export function toWire(schema: DescMessage, value: unknown, subject: string): Message {
  const faults: FieldViolation[] = [];
  const message = new Conversion(faults).message(schema, value, "", 0);
  if (faults.length > 0 || message === undefined) {
    throw refuse(subject, faults);
  }
  return message;
}

const fieldsByName = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

function fieldsOf(schema: DescMessage): ReadonlyMap<string, DescField> {
  let fields = fieldsByName.get(schema);
  if (fields === undefined) {
    fields = new Map(schema.fields.map((field) => [field.localName, field]));
    fieldsByName.set(schema, fields);
  }
  return fields;
}

/** One walk; what is undefined was at fault, or left out. */
class Conversion {
  readonly #faults: FieldViolation[];

  constructor(faults: FieldViolation[]) {
    this.#faults = faults;
  }

  #fault(field: string, description: string): undefined {
    if (this.#faults.length < FAULTS_MAX) {
      this.#faults.push({ field, description });
    }
    return undefined;
  }

  message(schema: DescMessage, value: unknown, path: string, depth: number): Message | undefined {
    if (
      typeof value !== "object" ||
      value === null ||
      Array.isArray(value) ||
      ArrayBuffer.isView(value)
    ) {
      return this.#fault(path, `want ${schema.name}, an object, not ${quoted(value)}`);
    }
    if (depth > DEPTH_MAX) {
      return this.#fault(path, `is more than ${DEPTH_MAX} messages deep`);
    }
    const fields = fieldsOf(schema);
    const message = create(schema) as Message & Record<string, unknown>;
    for (const [key, given] of Object.entries(value)) {
      const at = path === "" ? key : `${path}.${key}`;
      const field = fields.get(key);
      if (field === undefined) {
        this.#fault(at, `${schema.typeName} has no such field${remedy(key, fields)}`);
      } else if (given !== undefined) {
        this.#set(message, field, this.#field(field, given, at, depth), at);
      }
    }
    return message;
  }

  #set(message: Record<string, unknown>, field: DescField, value: unknown, path: string): void {
    const { oneof } = field;
    if (value === undefined) {
      return;
    }
    if (oneof === undefined) {
      message[field.localName] = value;
      return;
    }
    const other = (message[oneof.localName] as { readonly case: string | undefined }).case;
    if (other !== undefined) {
      this.#fault(path, `goes without "${other}": give one of the two`);
    }
    message[oneof.localName] = { case: field.localName, value };
  }

  #field(field: DescField, value: unknown, path: string, depth: number): unknown {
    switch (field.fieldKind) {
      case "list":
        if (!Array.isArray(value)) {
          return this.#fault(path, `want an array, not ${quoted(value)}`);
        }
        return value.map((item: unknown, index) =>
          this.#one(field, item, `${path}[${index}]`, depth),
        );
      case "map":
        return this.#map(field, value, path, depth);
      default:
        return this.#one(field, value, path, depth);
    }
  }

  #map(field: DescField, value: unknown, path: string, depth: number): unknown {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return this.#fault(path, `want an object of names and values, not ${quoted(value)}`);
    }
    const entries = Object.entries(value).flatMap(([key, item]): [string, unknown][] =>
      item === undefined
        ? []
        : [[key, this.#one(field, item, `${path}[${JSON.stringify(key)}]`, depth)]],
    );
    return Object.fromEntries(entries);
  }

  #one(field: DescField, value: unknown, path: string, depth: number): unknown {
    const { scalar, enum: enumeration, message } = field;
    if (message !== undefined) {
      return this.message(message, value, path, depth + 1);
    }
    if (enumeration !== undefined) {
      return isMember(enumeration, value)
        ? value
        : this.#fault(
            path,
            `want ${enumeration.name}, one of ${membersOf(enumeration)}, not ${quoted(value)}`,
          );
    }
    return scalar === undefined ? undefined : this.#scalar(scalar, value, path);
  }

  #scalar(type: ScalarType, value: unknown, path: string): unknown {
    switch (type) {
      case ScalarType.STRING:
        return this.#text(value, path);
      case ScalarType.BOOL:
        return typeof value === "boolean"
          ? value
          : this.#fault(path, `want true or false, not ${quoted(value)}`);
      case ScalarType.BYTES:
        return value instanceof Uint8Array
          ? value
          : this.#fault(path, `want bytes, a Uint8Array, not ${quoted(value)}`);
      case ScalarType.DOUBLE:
      case ScalarType.FLOAT:
        return typeof value === "number"
          ? value
          : this.#fault(path, `want a number, not ${quoted(value)}`);
      default:
        return this.#integer(INTEGER_RANGES[type] ?? INT64, value, path);
    }
  }

  #text(value: unknown, path: string): unknown {
    if (typeof value !== "string") {
      return this.#fault(path, `want a string, not ${quoted(value)}`);
    }
    return value.isWellFormed()
      ? value
      : this.#fault(path, "want well-formed Unicode: it has half of a surrogate pair");
  }

  #integer({ name, min, max, bits }: IntegerRange, value: unknown, path: string): unknown {
    if (typeof value !== "bigint" && !(typeof value === "number" && Number.isInteger(value))) {
      return this.#fault(path, `want an integer, not ${quoted(value)}`);
    }
    if (typeof value === "number" && !Number.isSafeInteger(value)) {
      return this.#fault(
        path,
        `${value} is not exact: write integers of more than 53 bits as bigint, 1n`,
      );
    }
    const exact = BigInt(value);
    if (exact < min || exact > max) {
      return this.#fault(path, `want ${min} to ${max} (${name}), not ${quoted(value)}`);
    }
    return bits === 64 ? exact : Number(exact);
  }
}

/** The other way to write a name is the likeliest mistake: the protos and `aer` have snake case. */
function remedy(key: string, fields: ReadonlyMap<string, DescField>): string {
  for (const [name, field] of fields) {
    if (field.name === key) {
      return `: write "${name}"`;
    }
  }
  return nearest(key, [...fields.keys()]);
}

function isMember(type: DescEnum, value: unknown): boolean {
  return typeof value === "number" && type.value[value] !== undefined;
}

function membersOf(type: DescEnum): string {
  return type.values.map(({ localName, number }) => `${localName} (${number})`).join(", ");
}
