/**
 * Turns the `buf.validate` rules of a field into functions. It knows the rules that our protos use and refuses every
 * other by name, so that no rule is ever skipped in silence.
 */
import {
  type DescField,
  type DescMessage,
  getOption,
  isFieldSet,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import {
  EnumRulesSchema,
  field as fieldOption,
  type FieldRules,
  FieldRulesSchema,
  Int32RulesSchema,
  Int64RulesSchema,
  RepeatedRulesSchema,
  StringRulesSchema,
  UInt32RulesSchema,
  UInt64RulesSchema,
} from "../../gen/buf/validate/validate_pb.ts";
import { compileExpression } from "./expression.ts";
import { otherRule } from "./other-rule.ts";

/** What is wrong with a value, or undefined. */
export type ValueCheck = (value: unknown) => string | undefined;

export interface CompiledField {
  readonly isRequired: boolean;
  readonly checks: readonly ValueCheck[];
}

function unsupported(field: DescField, what: string): Error {
  return new Error(
    `the rule ${what} of ${field.parent.typeName}.${field.name} is not supported: add it to field-rules.ts`,
  );
}

/** Refuses every set field of a rule message but these. */
function refuseOthers(
  field: DescField,
  schema: DescMessage,
  rules: Message,
  supported: readonly string[],
): void {
  const rule = otherRule(schema, rules, supported);
  if (rule !== undefined) {
    throw unsupported(field, `${schema.typeName}.${rule.name}`);
  }
}

function codePoints(text: string): number {
  let count = 0;
  for (const _character of text) {
    count += 1;
  }
  return count;
}

const STRING_RULES = ["min_len", "max_len", "min_bytes", "max_bytes"];

type StringRules = Extract<FieldRules["type"], { case: "string" }>["value"];

function stringChecks(field: DescField, rules: StringRules): ValueCheck[] {
  refuseOthers(field, StringRulesSchema, rules, STRING_RULES);
  const checks: ValueCheck[] = [];
  const bound = (name: string, limit: bigint, measure: (text: string) => number, unit: string) => {
    const rule = StringRulesSchema.fields.find((each) => each.name === name);
    if (rule === undefined || !isFieldSet(rules, rule)) {
      return;
    }
    const isLeast = name.startsWith("min");
    const message = `must be at ${isLeast ? "least" : "most"} ${limit} ${unit}`;
    checks.push((value) => {
      const size = measure(String(value));
      return (isLeast ? size < limit : size > limit) ? message : undefined;
    });
  };
  bound("min_len", rules.minLen, codePoints, "characters");
  bound("max_len", rules.maxLen, codePoints, "characters");
  bound("min_bytes", rules.minBytes, Buffer.byteLength, "bytes");
  bound("max_bytes", rules.maxBytes, Buffer.byteLength, "bytes");
  return checks;
}

type NumberCase = "int32" | "uint32" | "int64" | "uint64";
type NumberRules = Extract<FieldRules["type"], { case: NumberCase }>["value"];

const NUMBER_SCHEMAS = {
  int32: Int32RulesSchema,
  uint32: UInt32RulesSchema,
  int64: Int64RulesSchema,
  uint64: UInt64RulesSchema,
} as const;

function numberChecks(field: DescField, kind: NumberCase, rules: NumberRules): ValueCheck[] {
  refuseOthers(field, NUMBER_SCHEMAS[kind], rules, ["gt", "gte", "lt", "lte"]);
  const { greaterThan, lessThan } = rules;
  if (
    greaterThan.case !== undefined &&
    lessThan.case !== undefined &&
    lessThan.value < greaterThan.value
  ) {
    throw unsupported(field, "of a range that is turned around");
  }
  const isLow = (value: number | bigint) =>
    greaterThan.case === "gt"
      ? value <= greaterThan.value
      : greaterThan.case === "gte" && value < greaterThan.value;
  const isHigh = (value: number | bigint) =>
    lessThan.case === "lt"
      ? value >= lessThan.value
      : lessThan.case === "lte" && value > lessThan.value;
  const words = [
    ...(greaterThan.case === undefined
      ? []
      : [`greater than ${greaterThan.case === "gte" ? "or equal to " : ""}${greaterThan.value}`]),
    ...(lessThan.case === undefined
      ? []
      : [`less than ${lessThan.case === "lte" ? "or equal to " : ""}${lessThan.value}`]),
  ];
  const message = `must be ${words.join(" and ")}`;
  return [
    (value) => {
      const number = typeof value === "bigint" ? value : Number(value);
      return isLow(number) || isHigh(number) ? message : undefined;
    },
  ];
}

type RepeatedRules = Extract<FieldRules["type"], { case: "repeated" }>["value"];

/** Unlike `required`, the bounds hold for an empty list, too. */
function repeatedChecks(field: DescField, rules: RepeatedRules): ValueCheck[] {
  refuseOthers(field, RepeatedRulesSchema, rules, ["min_items", "max_items"]);
  const { minItems, maxItems } = RepeatedRulesSchema.field;
  const checks: ValueCheck[] = [];
  const lengthOf = (value: unknown): number => (value as readonly unknown[]).length;
  if (isFieldSet(rules, minItems)) {
    const message = `must contain at least ${rules.minItems} item(s)`;
    checks.push((value) => (lengthOf(value) < rules.minItems ? message : undefined));
  }
  if (isFieldSet(rules, maxItems)) {
    const message = `must contain no more than ${rules.maxItems} item(s)`;
    checks.push((value) => (lengthOf(value) > rules.maxItems ? message : undefined));
  }
  return checks;
}

function typeChecks(field: DescField, type: FieldRules["type"]): ValueCheck[] {
  switch (type.case) {
    case undefined:
      return [];
    case "string":
      return stringChecks(field, type.value);
    case "int32":
    case "uint32":
    case "int64":
    case "uint64":
      return numberChecks(field, type.case, type.value);
    case "repeated":
      return repeatedChecks(field, type.value);
    case "enum": {
      refuseOthers(field, EnumRulesSchema, type.value, ["defined_only"]);
      if (field.enum === undefined || !type.value.definedOnly) {
        throw unsupported(field, "enum");
      }
      const known = new Set<unknown>(field.enum.values.map(({ number }) => number));
      return [
        (value) => (known.has(value) ? undefined : "value must be one of the defined enum values"),
      ];
    }
  }
}

/** @throws {Error} naming a rule that is not supported */
export function compileField(field: DescField): CompiledField {
  const rules = getOption(field, fieldOption);
  refuseOthers(field, FieldRulesSchema, rules, [
    ...["required", "cel", "string", "int32", "uint32", "int64", "uint64", "enum", "repeated"],
  ]);
  const checks = typeChecks(field, rules.type);
  if (
    rules.cel.length > 0 &&
    (field.fieldKind !== "scalar" || field.scalar !== ScalarType.STRING)
  ) {
    throw unsupported(field, "cel on what is no string");
  }
  for (const { expression, message } of rules.cel) {
    const test = compileExpression(expression);
    checks.push((value) => (test(String(value)) ? undefined : message));
  }
  return { isRequired: rules.required, checks };
}
