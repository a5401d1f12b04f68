/**
 * Looks at every field of a JSON message by itself, and at what is in it, and tells what is wrong by path. Whether a
 * value is right is for protobuf-es to say, one field at a time, so the two can't disagree.
 */
import {
  type DescField,
  type DescMessage,
  type DescOneof,
  fromJson,
  type JsonValue,
} from "@bufbuild/protobuf";
import type { FieldViolation } from "../../base/errors.ts";
import { expectation } from "./json-expectations.ts";

/** Most values that are looked at: a caller must not get more work out of a fault than out of a request. */
const MAX_VALUES = 10_000;

/** As deep as protobuf-es reads. */
const MAX_DEPTH = 100;

/** Longest key that is repeated whole, in characters. */
const MAX_KEY = 64;

export type JsonObject = { [key: string]: JsonValue };

export function isObject(json: JsonValue): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

/** A key as a part of a path; quoted if it could be taken for something else. */
function shownKey(key: string): string {
  const short = key.length > MAX_KEY ? `${key.slice(0, MAX_KEY).toWellFormed()}…` : key;
  return /^[\w-]+$/.test(short) ? short : JSON.stringify(short);
}

function decodes(field: DescField, json: JsonValue): boolean {
  try {
    fromJson(field.parent, { [field.name]: json });
    return true;
  } catch {
    return false; // What is wrong is for `expectation` to say.
  }
}

/** The type of a field's objects. What JSON has no object for, such as google.protobuf.Duration, is like a scalar. */
function objectType(field: DescField): DescMessage | undefined {
  return field.message?.typeName.startsWith("google.protobuf.") ? undefined : field.message;
}

/** Which fields of one object are there already, and which of a oneof. */
class Seen {
  readonly #fields = new Set<DescField>();
  readonly #oneofs = new Map<DescOneof, DescField>();

  /** What is wrong with one more, if anything. */
  add(field: DescField, json: JsonValue, prefix: string): string | undefined {
    if (this.#fields.has(field)) {
      return `must be there once: "${field.name}" and "${field.jsonName}" are the same field`;
    }
    this.#fields.add(field);
    if (field.oneof === undefined || (json === null && field.fieldKind === "scalar")) {
      return undefined;
    }
    const other = this.#oneofs.get(field.oneof);
    this.#oneofs.set(field.oneof, field);
    return other && `must not be set together with ${prefix}${other.name}`;
  }
}

export class JsonWalk {
  readonly faults: FieldViolation[] = [];
  readonly #maxFaults: number;
  #values = 0;

  /** @param maxFaults as many are enough to stop at */
  constructor(maxFaults: number) {
    this.#maxFaults = maxFaults;
  }

  /** Whether it has stopped before all was seen. */
  get isCut(): boolean {
    return this.faults.length >= this.#maxFaults || this.#values > MAX_VALUES;
  }

  /** What is left of an object without its faults; undefined if it is none. */
  object(schema: DescMessage, json: JsonValue, path = "", depth = 1): JsonObject | undefined {
    if (!isObject(json)) {
      return this.#fault(path, "must be an object");
    }
    if (depth > MAX_DEPTH) {
      return this.#fault(path, `must be at most ${MAX_DEPTH} levels deep`);
    }
    const prefix = path === "" ? "" : `${path}.`;
    const left: JsonObject = {};
    const seen = new Seen();
    for (const [key, value] of this.#entries(json)) {
      const field = schema.fields.find(({ name, jsonName }) => key === name || key === jsonName);
      if (field === undefined) {
        this.#fault(prefix + shownKey(key), `is not a field of ${schema.typeName}`);
        continue;
      }
      const fault = seen.add(field, value, prefix);
      const kept =
        fault === undefined
          ? this.#field(field, value, prefix + field.name, depth)
          : this.#fault(prefix + field.name, fault);
      if (kept !== undefined) {
        left[field.name] = kept;
      }
    }
    return left;
  }

  #field(field: DescField, json: JsonValue, path: string, depth: number): JsonValue | undefined {
    if (json === null && decodes(field, json)) {
      return json;
    }
    switch (field.fieldKind) {
      case "list":
        return Array.isArray(json)
          ? this.#list(field, json, path, depth)
          : this.#fault(path, "must be a list");
      case "map":
        return isObject(json)
          ? this.#map(field, json, path, depth)
          : this.#fault(path, "must be an object");
      default:
        return this.#item(field, json, json, path, depth);
    }
  }

  #list(field: DescField, items: JsonValue[], path: string, depth: number): JsonValue[] {
    const left: JsonValue[] = [];
    for (const [index, item] of this.#entries(items)) {
      const kept = this.#item(field, item, [item], `${path}[${index}]`, depth);
      if (kept !== undefined) {
        left.push(kept);
      } else if (objectType(field) !== undefined) {
        left.push({}); // In its place, so that those after it keep their index.
      }
    }
    return left;
  }

  #map(field: DescField, items: JsonObject, path: string, depth: number): JsonObject {
    const left = new Map<string, JsonValue>();
    for (const [key, item] of this.#entries(items)) {
      const at = `${path}[${shownKey(key)}]`;
      const kept = this.#item(field, item, { [key]: item }, at, depth);
      if (kept !== undefined) {
        left.set(key, kept);
      }
    }
    return Object.fromEntries(left);
  }

  /** @param whole the value as the field takes it: of a list with this one item, if it is one */
  #item(
    field: DescField,
    json: JsonValue,
    whole: JsonValue,
    path: string,
    depth: number,
  ): JsonValue | undefined {
    const type = objectType(field);
    if (type !== undefined) {
      return this.object(type, json, path, depth + 1);
    }
    return decodes(field, whole) ? json : this.#fault(path, expectation(field, json));
  }

  #fault(field: string, description: string): undefined {
    this.faults.push({ field, description });
  }

  *#entries(json: JsonObject | JsonValue[]): Generator<[string, JsonValue]> {
    // Not Object.entries, which makes a million pairs where a few are looked at.
    for (const key in json) {
      this.#values += 1;
      if (this.isCut) {
        return;
      }
      yield [key, Reflect.get(json, key) as JsonValue];
    }
  }
}
