/** The types of messages, as scripts see them. */

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
