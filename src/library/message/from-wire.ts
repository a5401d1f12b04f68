/**
 * From a message that came to the plain object that scripts get: fields that are always there have their default, those that
 * were left out are not there at all, and the members of a oneof stand beside the others.
 *
 * 64-bit integers are numbers. One past 2^53 - 1, which a limit can be and nothing that is counted gets to, stays a
 * bigint: it would not be the same number otherwise.
 */
import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";

export function fromWire(schema: DescMessage, message: Message): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  const source = message as Message & Readonly<Record<string, unknown>>;
  for (const field of schema.fields) {
    const value = chosenFrom(field, source);
    if (value !== undefined) {
      plain[field.localName] = converted(field, value);
    }
  }
  return plain;
}

function chosenFrom(field: DescField, source: Readonly<Record<string, unknown>>): unknown {
  if (field.oneof === undefined) {
    return source[field.localName];
  }
  const chosen = source[field.oneof.localName] as {
    readonly case?: string;
    readonly value?: unknown;
  };
  return chosen.case === field.localName ? chosen.value : undefined;
}

function converted(field: DescField, value: unknown): unknown {
  switch (field.fieldKind) {
    case "list":
      return (value as readonly unknown[]).map((item) => one(field, item));
    case "map":
      return Object.fromEntries(
        Object.entries(value as object).map(([key, item]) => [key, one(field, item)]),
      );
    default:
      return one(field, value);
  }
}

function one({ message }: DescField, value: unknown): unknown {
  if (message !== undefined) {
    return fromWire(message, value as Message);
  }
  if (typeof value !== "bigint") {
    return value;
  }
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
