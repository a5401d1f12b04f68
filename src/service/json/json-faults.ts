/**
 * Everything that is wrong with a JSON message that did not decode. The decoder of protobuf-es stops at the first fault
 * and names a type where a caller needs a path, so the message is gone through again when it has failed, and only then.
 */
import { type DescMessage, fromJson, type JsonValue } from "@bufbuild/protobuf";
import type { FieldViolation } from "../../base/errors.ts";
import { violationsOf } from "../rules/message-rules.ts";
import { isObject, JsonWalk } from "./json-walk.ts";

/** Whether a path is one of those of faults, or inside of one. */
function isWithin(path: string, faults: readonly FieldViolation[]): boolean {
  return faults.some(
    ({ field }) => path === field || path.startsWith(`${field}.`) || path.startsWith(`${field}[`),
  );
}

/** What the rules say of the fields that do decode. */
function ruleFaults(
  schema: DescMessage,
  left: JsonValue,
  faults: readonly FieldViolation[],
): FieldViolation[] {
  try {
    const violations = violationsOf(schema, fromJson(schema, left));
    return violations.filter(({ field }) => !isWithin(field, faults));
  } catch {
    return []; // Something is wrong that no field shows by itself. The faults that do show are told.
  }
}

/**
 * The bad fields of a message, those that break a rule included, unless there are too many to look at all.
 * @param maxFaults as many are enough
 * @returns none if the text is no object in JSON, or if what is wrong is not wrong with a field
 */
export function jsonFaults(schema: DescMessage, text: string, maxFaults: number): FieldViolation[] {
  let json: JsonValue;
  try {
    json = JSON.parse(text) as JsonValue;
  } catch {
    return []; // SyntaxError: the decoder has told it.
  }
  if (!isObject(json)) {
    return [];
  }
  const walk = new JsonWalk(maxFaults);
  const left = walk.object(schema, json);
  return left === undefined || walk.isCut || walk.faults.length === 0
    ? walk.faults
    : [...walk.faults, ...ruleFaults(schema, left, walk.faults)];
}
