/** The error for a value that does not fit, thrown before anything is sent. */
import { Code, ConnectError } from "@connectrpc/connect";
import type { FieldViolation } from "../../base/errors.ts";

/** More faults than these are counted, not told. */
const TOLD_MAX = 10;

/** A text longer than this is cut where a message quotes it. */
const QUOTED_MAX = 60;

/** INVALID_ARGUMENT, as the daemon itself would answer, with every fault in one message. */
export function refuse(subject: string, faults: readonly FieldViolation[]): ConnectError {
  const told = faults
    .slice(0, TOLD_MAX)
    .map(({ field, description }) => (field === "" ? description : `${field}: ${description}`));
  const rest = faults.length - told.length;
  const more = rest === 0 ? "" : `; and ${rest} more`;
  return new ConnectError(`${subject}: ${told.join("; ")}${more}`, Code.InvalidArgument);
}

/** A value as a person would write it, short. */
export function quoted(value: unknown): string {
  switch (typeof value) {
    case "string": {
      const text = value.length > QUOTED_MAX ? `${value.slice(0, QUOTED_MAX)}…` : value;
      return JSON.stringify(text);
    }
    case "bigint":
      return `${value}n`;
    case "function":
      return "a function";
    case "symbol":
      return "a symbol";
    case "object":
      return objectName(value);
    default:
      return String(value);
  }
}

function objectName(value: object | null): string {
  if (value === null) {
    return "null";
  }
  if (Array.isArray(value)) {
    return "an array";
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  const name =
    prototype === null
      ? undefined
      : (prototype as { readonly constructor?: { readonly name?: string } }).constructor?.name;
  return name === undefined || name === "" || name === "Object" ? "an object" : `a ${name}`;
}
