/** What a value in JSON has to be for a field of a type, in words (protobuf.dev, "ProtoJSON Format"). */
import { type DescEnum, type DescField, ScalarType } from "@bufbuild/protobuf";

/** An enum with more names than this is not listed. */
const MAX_NAMES = 16;

function whole(bits: 32n | 64n, isSigned: boolean): string {
  const [low, high] = isSigned
    ? [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n]
    : [0n, 2n ** bits - 1n];
  return `must be a whole number from ${low} to ${high}`;
}

function oneOf({ typeName, values }: DescEnum): string {
  return values.length > MAX_NAMES
    ? `must be a value of ${typeName}`
    : `must be one of ${values.map(({ name }) => name).join(", ")}`;
}

function scalarExpectation(scalar: ScalarType, value: unknown): string {
  switch (scalar) {
    case ScalarType.STRING:
      return typeof value === "string" ? "must be valid Unicode" : "must be a string";
    case ScalarType.BOOL:
      return "must be true or false";
    case ScalarType.BYTES:
      return "must be base64 in a string";
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return whole(32n, true);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return whole(32n, false);
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return whole(64n, true);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return whole(64n, false);
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return "must be a number";
  }
}

/** What a field, or an item of it, has to be. @param value what it is instead */
export function expectation(field: DescField, value: unknown): string {
  if (value === null) {
    return "must not be null";
  }
  if (field.enum !== undefined) {
    return oneOf(field.enum);
  }
  return field.scalar === undefined
    ? `must be a ${field.message?.typeName ?? "value"}`
    : scalarExpectation(field.scalar, value);
}
