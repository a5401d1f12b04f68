/**
 * The text of one value, read by the type of its field. Says what is wrong in terms of the flag.
 */
import { type DescEnum, type DescField, ScalarType } from "@bufbuild/protobuf";
import { constants } from "node:os";
import { INT64, INTEGER_RANGES } from "../client/integer-ranges.ts";
import type { ValueSyntax } from "./commands.ts";
import { enumValueName } from "./names.ts";
import { UsageError } from "./usage-error.ts";

export type FieldValue = string | number | bigint | boolean | Uint8Array;

const UNITS: Readonly<Record<string, bigint>> = {
  "": 1n,
  K: 1024n,
  M: 1024n ** 2n,
  G: 1024n ** 3n,
  T: 1024n ** 4n,
};

/**
 * The value of a scalar or enum field, or of one element of a list of them.
 *
 * @param label the flag or positional, for messages
 * @throws UsageError
 */
export function parseValue(
  field: DescField,
  text: string,
  syntax: ValueSyntax,
  label: string,
): FieldValue {
  if (field.enum !== undefined) {
    return parseEnum(field.enum, text, label);
  }
  const { scalar } = field;
  if (syntax === "signal") {
    return parseSignal(text, label);
  }
  switch (scalar) {
    case ScalarType.STRING:
      return text;
    case ScalarType.BOOL:
      return parseBool(text, label);
    case ScalarType.BYTES:
      return parseBase64(text, label);
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return parseFloating(text, label);
    default:
      return parseInteger(scalar, text, syntax, label);
  }
}

function parseInteger(
  scalar: ScalarType | undefined,
  text: string,
  syntax: ValueSyntax,
  label: string,
): number | bigint {
  const { min: low, max: high, bits } = INTEGER_RANGES[scalar ?? ScalarType.INT64] ?? INT64;
  const match =
    syntax === "bytes"
      ? /^([+-]?\d{1,20})([KMGTkmgt]?)$/.exec(text)
      : /^([+-]?\d{1,20})$/.exec(text);
  if (match === null) {
    const want = syntax === "bytes" ? "bytes, such as 67108864 or 64M" : "a whole number";
    throw new UsageError(
      /^[+-]?\d+[KMGTkmgt]?$/.test(text) && text.length > 20
        ? `${label}: ${quoted(text)} is out of range (${low} to ${high})`
        : `${label}: want ${want}, not ${quoted(text)}`,
    );
  }
  const value =
    BigInt(match[1]?.replace("+", "") ?? "0") * (UNITS[(match[2] ?? "").toUpperCase()] ?? 1n);
  if (value < low || value > high) {
    throw new UsageError(`${label}: ${quoted(text)} is out of range (${low} to ${high})`);
  }
  return bits === 64 ? value : Number(value);
}

/** A signal's number, from that or from its name, with or without `SIG`. */
function parseSignal(text: string, label: string): number {
  if (/^\d{1,3}$/.test(text)) {
    return Number(text);
  }
  const name = text.toUpperCase();
  const found = Object.entries(constants.signals).find(
    ([known]) => known === name || known === `SIG${name}`,
  );
  if (found === undefined) {
    throw new UsageError(`${label}: want a signal such as TERM or 15, not ${quoted(text)}`);
  }
  return found[1];
}

/** `SOFT[:HARD]` of a resource limit; `unlimited` is none. */
export function parseResourceLimit(
  text: string,
  label: string,
): { readonly soft?: bigint; readonly hard?: bigint } {
  const [soft = "", hard = soft, ...more] = text.split(":");
  if (more.length > 0) {
    throw new UsageError(`${label}: want SOFT[:HARD], not ${quoted(text)}`);
  }
  const bound = (part: string): bigint | undefined =>
    part === "unlimited"
      ? undefined
      : BigInt(parseInteger(ScalarType.UINT64, part, "bytes", label));
  const [low, high] = [bound(soft), bound(hard)];
  return {
    ...(low === undefined ? {} : { soft: low }),
    ...(high === undefined ? {} : { hard: high }),
  };
}

function parseEnum(type: DescEnum, text: string, label: string): number {
  const names = type.values.map((value) => enumValueName(value.name, type.sharedPrefix));
  const at = type.values.findIndex(
    (value, index) =>
      names[index] === text.toLowerCase().replaceAll("_", "-") ||
      value.name === text ||
      String(value.number) === text,
  );
  const found = type.values[at];
  if (found === undefined) {
    const known = names.filter((name) => name !== "unspecified").join(", ");
    throw new UsageError(`${label}: want one of ${known}, not ${quoted(text)}`);
  }
  return found.number;
}

function parseBool(text: string, label: string): boolean {
  if (text !== "true" && text !== "false") {
    throw new UsageError(`${label}: want true or false, not ${quoted(text)}`);
  }
  return text === "true";
}

function parseFloating(text: string, label: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) {
    throw new UsageError(`${label}: want a number, not ${quoted(text)}`);
  }
  return value;
}

function parseBase64(text: string, label: string): Uint8Array {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) {
    throw new UsageError(`${label}: want base64`);
  }
  return new Uint8Array(Buffer.from(text, "base64"));
}

/** Milliseconds from `500ms`, `30s`, `2m`, `1h`, or seconds without a unit. */
export function parseTimeout(text: string, label: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)?$/.exec(text);
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match?.[2] ?? "s"] ?? 1000;
  const value = Math.round(Number(match?.[1]) * unit);
  // Timers hold 31 bits of milliseconds.
  if (match === null || value < 1 || value > 2 ** 31 - 1) {
    throw new UsageError(`${label}: want a time such as 500ms, 30s or 2m, not ${quoted(text)}`);
  }
  return value;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Milliseconds since 1970, from a time before now (`10m`, `1h30m`) or a point in time (RFC 3339, a date alone included).
 *
 * @throws UsageError
 */
export function parseInstant(text: string, label: string, nowMs: number): number {
  const parts = [...text.matchAll(/(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)/g)];
  if (parts.length > 0 && parts.map(([part]) => part).join("") === text) {
    const ago = parts.reduce(
      (sum, [, count, unit = ""]) => sum + Number(count) * (UNIT_MS[unit] ?? 0),
      0,
    );
    return Math.round(nowMs - ago);
  }
  const instant = /^\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d))?$/.test(
    text,
  )
    ? Date.parse(text.toUpperCase().replace(" ", "T"))
    : Number.NaN;
  if (Number.isNaN(instant)) {
    throw new UsageError(
      `${label}: want a time such as 10m or 2026-01-31T12:00:00Z, not ${quoted(text)}`,
    );
  }
  return instant;
}

function quoted(text: string): string {
  return `"${text}"`;
}
