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

/** What may be given where a message is wanted: any part of it. A number may be a bigint, too. */
export type DeepPartial<T> = T extends Uint8Array
  ? T
  : T extends readonly (infer Item)[]
    ? readonly DeepPartial<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]?: DeepPartial<T[Key]> | undefined }
      : number extends T
        ? T | bigint
        : T;

/** A value of JSON (RFC 8259). */
export type JsonValue =
  string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

export interface MessageType<T> {
  /** The full name in the protos, `aurae.cells.v0.Cell`. */
  readonly typeName: string;
  /**
   * A whole message from a part of one: what is left out has its default.
   *
   * @throws {ConnectError} INVALID_ARGUMENT that names every field with a wrong value, and every name that is no field
   */
  fromPartial(part: DeepPartial<T>): T;
  /** The same; without a part, an empty message. */
  create(part?: DeepPartial<T>): T;
  /**
   * A message from the JSON that the API writes (ProtoJSON): enums by name, 64-bit integers and bytes in text.
   *
   * @throws {ConnectError} INVALID_ARGUMENT for JSON that is not of this message
   */
  fromJson(json: unknown): T;
  /** The JSON that the API writes. */
  toJson(part: DeepPartial<T>): JsonValue;
  /** `fromJson`, as scripts for Aurae write it. */
  fromJSON(json: unknown): T;
  /** `toJson`, as scripts for Aurae write it. */
  toJSON(part: DeepPartial<T>): JsonValue;
}

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
