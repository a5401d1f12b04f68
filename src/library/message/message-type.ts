/**
 * The value that stands for a message in a script, `cells.Cell`: makes, checks and converts plain objects of its shape.
 * Plain objects are all that scripts see; what protobuf-es makes of them stays inside.
 */
import {
  type DescMessage,
  fromJson,
  type JsonValue as WireJsonValue,
  toJson,
} from "@bufbuild/protobuf";
import { fromWire } from "./from-wire.ts";
import { refuse } from "./refusal.ts";
import { toWire } from "./to-wire.ts";
import type { DeepPartial, JsonValue, MessageType } from "./types.ts";

/** The value for a message, from its descriptor. `T` has to be what the generator writes for it. */
export function messageType<T>(schema: DescMessage): MessageType<T> {
  return new DescribedType<T>(schema);
}

class DescribedType<T> implements MessageType<T> {
  readonly #schema: DescMessage;

  constructor(schema: DescMessage) {
    this.#schema = schema;
  }

  get typeName(): string {
    return this.#schema.typeName;
  }

  fromPartial(part: DeepPartial<T>): T {
    return fromWire(this.#schema, toWire(this.#schema, part, this.#schema.name)) as T;
  }

  create(part: DeepPartial<T> = {} as DeepPartial<T>): T {
    return this.fromPartial(part);
  }

  fromJson(json: unknown): T {
    try {
      return fromWire(this.#schema, fromJson(this.#schema, json as WireJsonValue)) as T;
    } catch (error) {
      throw refuse(this.#schema.name, [{ field: "", description: wordsOf(error) }]);
    }
  }

  toJson(part: DeepPartial<T>): JsonValue {
    return toJson(this.#schema, toWire(this.#schema, part, this.#schema.name)) as JsonValue;
  }

  fromJSON(json: unknown): T {
    return this.fromJson(json);
  }

  toJSON(part: DeepPartial<T>): JsonValue {
    return this.toJson(part);
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
