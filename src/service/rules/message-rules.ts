/**
 * Checks a message and all messages in it against the rules of their fields, each message type compiled once. The
 * answers are protovalidate's: what it accepts is accepted, what it refuses is refused at the same fields. Unknown fields
 * are refused besides, by their numbers: a newer client's limit must not become no limit.
 */
import { type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import type { FieldViolation } from "../../base/errors.ts";
import { compileField, type CompiledField } from "./field-rules.ts";

type Report = (violation: FieldViolation) => void;

interface FieldPlan extends CompiledField {
  readonly field: DescField;
  /** Whether the field is told apart from its zero value. */
  readonly tracksPresence: boolean;
}

/** Fields that there is nothing to check on are left out. */
type Plan = readonly FieldPlan[];

const plans = new Map<DescMessage, Plan>();

function planOf(schema: DescMessage): Plan {
  let plan = plans.get(schema);
  if (plan === undefined) {
    plan = schema.fields
      .map((field) => ({
        field,
        tracksPresence: field.presence !== FeatureSet_FieldPresence.IMPLICIT,
        ...compileField(field),
      }))
      .filter(
        ({ field, isRequired, checks }) =>
          isRequired || checks.length > 0 || field.message !== undefined,
      );
    plans.set(schema, plan);
  }
  return plan;
}

/** Compiles the rules of a message type and of all types in it. @throws {Error} naming a rule that is not supported */
export function compileRules(schema: DescMessage, seen = new Set<DescMessage>()): void {
  if (seen.has(schema)) {
    return;
  }
  seen.add(schema);
  for (const { field } of planOf(schema)) {
    if (field.message !== undefined) {
      compileRules(field.message, seen);
    }
  }
}

/** The value of a field, undefined when it is not set. */
function fieldValue(message: Message, { localName, oneof }: DescField): unknown {
  const values = message as Message & Readonly<Record<string, unknown>>;
  if (oneof === undefined) {
    return values[localName];
  }
  const group = values[oneof.localName] as { readonly case?: string; readonly value?: unknown };
  return group.case === localName ? group.value : undefined;
}

function isEmpty(value: unknown): boolean {
  if (typeof value === "object" && value !== null) {
    return Array.isArray(value)
      ? value.length === 0
      : value instanceof Uint8Array
        ? value.length === 0
        : Object.keys(value).length === 0;
  }
  return value === undefined || value === "" || value === 0 || value === 0n || value === false;
}

function checkNested(plan: FieldPlan, value: unknown, path: string, report: Report): void {
  const { field } = plan;
  if (field.message === undefined) {
    return;
  }
  if (field.fieldKind === "message") {
    checkMessage(field.message, value as Message, `${path}.`, report);
  } else if (field.fieldKind === "list") {
    for (const [at, item] of (value as Message[]).entries()) {
      checkMessage(field.message, item, `${path}[${at}].`, report);
    }
  } else if (field.fieldKind === "map") {
    for (const [key, item] of Object.entries(value as Record<string, Message>)) {
      const printed = field.mapKey === ScalarType.STRING ? JSON.stringify(key) : key;
      checkMessage(field.message, item, `${path}[${printed}].`, report);
    }
  }
}

function checkUnknown(schema: DescMessage, message: Message, prefix: string, report: Report): void {
  const numbers = new Set(message.$unknown?.map(({ no }) => no));
  for (const number of numbers) {
    const description = `is a field number of ${schema.typeName} that this auraed does not know`;
    report({ field: `${prefix}${number}`, description });
  }
}

function checkMessage(schema: DescMessage, message: Message, prefix: string, report: Report): void {
  if (message.$unknown !== undefined) {
    checkUnknown(schema, message, prefix, report);
  }
  for (const plan of planOf(schema)) {
    const { field, tracksPresence, isRequired, checks } = plan;
    const value = fieldValue(message, field);
    const path = prefix + field.name;
    if (tracksPresence ? value === undefined : isRequired && isEmpty(value)) {
      if (isRequired) {
        report({ field: path, description: "value is required" });
      }
      continue;
    }
    for (const check of checks) {
      const description = check(value);
      if (description !== undefined) {
        report({ field: path, description });
      }
    }
    checkNested(plan, value, path, report);
  }
}

/** Everything that is wrong with a message; nothing if it is valid. */
export function violationsOf(schema: DescMessage, message: Message): FieldViolation[] {
  const violations: FieldViolation[] = [];
  checkMessage(schema, message, "", (violation) => violations.push(violation));
  return violations;
}
