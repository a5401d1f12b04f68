/**
 * The rules of a field (`buf.validate`), in words for people. It knows the kinds of rules that our protos use and refuses
 * every other, so that none is left out in silence.
 */
import {
  type DescField,
  type DescMessage,
  getOption,
  isFieldSet,
  type Message,
} from "@bufbuild/protobuf";
import {
  field as fieldOption,
  type FieldRules,
  FieldRulesSchema,
  RepeatedRulesSchema,
  StringRulesSchema,
} from "../../src/gen/buf/validate/validate_pb.ts";
import { otherRule } from "../../src/service/rules/other-rule.ts";

/** Each rule of a field, such as `required`, `at most 128 bytes`; patterns in backticks. @throws {Error} for a new kind */
export function ruleWords(field: DescField): readonly string[] {
  const rules = getOption(field, fieldOption);
  const known = [
    "required",
    "cel",
    "string",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "enum",
    "repeated",
  ];
  refuseOthers(field, FieldRulesSchema, rules, known);
  return [
    ...(rules.required ? ["required"] : []),
    ...typeWords(field, rules.type),
    ...rules.cel.flatMap(({ message, expression }) => celWords(message, expression)),
  ];
}

/** The kinds of rules of each type that there are words for. */
const SUPPORTED: Readonly<Record<string, readonly string[]>> = {
  string: ["min_len", "max_len", "min_bytes", "max_bytes"],
  repeated: ["min_items", "max_items"],
  int32: ["gt", "gte", "lt", "lte"],
  uint32: ["gt", "gte", "lt", "lte"],
  int64: ["gt", "gte", "lt", "lte"],
  uint64: ["gt", "gte", "lt", "lte"],
  enum: ["defined_only"],
};

function typeWords(field: DescField, type: FieldRules["type"]): readonly string[] {
  const schema = FieldRulesSchema.fields.find(({ localName }) => localName === type.case)?.message;
  if (type.case === undefined || schema === undefined) {
    return [];
  }
  refuseOthers(field, schema, type.value, SUPPORTED[type.case] ?? []);
  switch (type.case) {
    case "string": {
      const { minLen, maxLen, minBytes, maxBytes } = StringRulesSchema.field;
      const set = (rule: DescField, value: bigint): bigint | undefined =>
        isFieldSet(type.value, rule) ? value : undefined;
      return [
        ...sizeWords(set(minLen, type.value.minLen), set(maxLen, type.value.maxLen), "character"),
        ...sizeWords(
          set(minBytes, type.value.minBytes),
          set(maxBytes, type.value.maxBytes),
          "byte",
        ),
      ];
    }
    case "repeated": {
      const { minItems, maxItems } = RepeatedRulesSchema.field;
      const least = isFieldSet(type.value, minItems) ? type.value.minItems : undefined;
      const most = isFieldSet(type.value, maxItems) ? type.value.maxItems : undefined;
      return sizeWords(least, most, "item");
    }
    case "int32":
    case "uint32":
    case "int64":
    case "uint64":
      return [rangeWords(type.value)];
    case "enum":
      return ["one of the enum's values"];
  }
}

function sizeWords(
  least: bigint | undefined,
  most: bigint | undefined,
  unit: string,
): readonly string[] {
  const plural = (count: bigint): string => `${count} ${unit}${count === 1n ? "" : "s"}`;
  if (least !== undefined && most !== undefined) {
    return [`${least} to ${plural(most)}`];
  }
  return [
    ...(least === undefined ? [] : [`at least ${plural(least)}`]),
    ...(most === undefined ? [] : [`at most ${plural(most)}`]),
  ];
}

type Bound = { readonly case: string | undefined; readonly value?: number | bigint | undefined };

function rangeWords({ greaterThan, lessThan }: { greaterThan: Bound; lessThan: Bound }): string {
  if (greaterThan.case === "gte" && lessThan.case === "lte") {
    return `${greaterThan.value} to ${lessThan.value}`;
  }
  const low = { gt: "more than", gte: "at least" }[greaterThan.case ?? ""];
  const high = { lt: "less than", lte: "at most" }[lessThan.case ?? ""];
  return [
    ...(low === undefined ? [] : [`${low} ${greaterThan.value}`]),
    ...(high === undefined ? [] : [`${high} ${lessThan.value}`]),
  ].join(" and ");
}

/** The message says it; the pattern of one says it exactly. */
function celWords(message: string, expression: string): readonly string[] {
  const pattern = /this\.matches\('((?:[^'\\]|\\.)*)'\)/.exec(expression)?.[1];
  return [pattern === undefined ? message : `${message} (\`${pattern.replaceAll("\\\\", "\\")}\`)`];
}

function refuseOthers(
  field: DescField,
  schema: DescMessage,
  rules: Message,
  supported: readonly string[],
): void {
  const other = otherRule(schema, rules, supported);
  if (other !== undefined) {
    throw unknown(field, other.name);
  }
}

function unknown(field: DescField, rule: string): Error {
  return new Error(
    `${field.parent.typeName}.${field.name}: the reference has no words for the rule "${rule}"; add them to build/reference/rules.ts`,
  );
}
