/**
 * Any message for people: fields as aligned `name  value` lines, lists of flat messages as tables, the rest indented.
 * Special forms for single messages are in answers.ts.
 */
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import type { ReflectList, ReflectMessage } from "@bufbuild/protobuf/reflect";
import { escapeText } from "../../base/escape.ts";
import { enumText } from "../names.ts";
import { renderTable } from "./table.ts";
import { paint, type Style } from "./style.ts";
import { timeTextMs } from "./times.ts";

const INDENT = "  ";
/** Milliseconds since 1970; 0 where there is no such point in time. */
const TIME_FIELD = /(?:^timestamp|_at)_ms$/;

/** Lines with an end each; nothing for a message without fields. */
export function renderMessage(message: ReflectMessage, style: Style): string {
  const only = message.fields.length === 1 ? message.fields[0] : undefined;
  if (only !== undefined && isFlatList(only)) {
    return listTable(message.get(only) as ReflectList, only.message, style);
  }
  return block(message, style);
}

/** A message on one line, for streams: `item.channel=a item.line="b c"`. */
export function renderLine(message: ReflectMessage, prefix = ""): string {
  return message.fields
    .filter((field) => message.isSet(field) && isShown(message, field))
    .map((field) => {
      const name = `${prefix}${field.name}`;
      if (field.fieldKind === "message") {
        return renderLine(message.get(field), `${name}.`);
      }
      const text = valueText(message, field);
      return `${name}=${/^[^\s"=]+$/.test(text) ? escapeText(text) : `"${escapeText(text).replaceAll('"', '\\"')}"`}`;
    })
    .filter((part) => part !== "")
    .join(" ");
}

/** The value of a field that holds no message. */
export function valueText(message: ReflectMessage, field: DescField): string {
  switch (field.fieldKind) {
    case "list": {
      const items = [...message.get(field)];
      return items
        .map((item) => (field.listKind === "message" ? "…" : scalarText(field, item)))
        .join(", ");
    }
    case "map":
      return [...message.get(field)].map(([key, value]) => `${key}=${String(value)}`).join(", ");
    case "message":
      return "";
    default:
      return scalarText(field, message.get(field));
  }
}

/** Whether there is something to show: unset messages and unset optional fields are left out. */
export function isShown(message: ReflectMessage, field: DescField): boolean {
  return field.fieldKind === "list" || field.fieldKind === "map"
    ? message.isSet(field)
    : message.isSet(field) || (field.fieldKind !== "message" && !hasPresence(field));
}

function hasPresence(field: DescField): boolean {
  // 2: google.protobuf.FeatureSet.FieldPresence.IMPLICIT
  return field.oneof !== undefined || field.presence !== 2;
}

function scalarText(field: DescField, value: unknown): string {
  if (field.enum !== undefined) {
    return enumText(field.enum, Number(value));
  }
  if (typeof value === "bigint" && TIME_FIELD.test(field.name)) {
    return value === 0n ? "" : timeTextMs(value);
  }
  return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : String(value);
}

function isFlatList(
  field: DescField,
): field is DescField & { fieldKind: "list"; listKind: "message"; message: DescMessage } {
  return (
    field.fieldKind === "list" &&
    field.listKind === "message" &&
    field.message.fields.every(({ fieldKind }) => fieldKind === "scalar" || fieldKind === "enum")
  );
}

function listTable(list: ReflectList, desc: DescMessage, style: Style): string {
  return renderTable(
    desc.fields.map((field) => field.name.toUpperCase()),
    [...list].map((item) => ({
      cells: desc.fields.map((field) =>
        isShown(item as ReflectMessage, field) ? valueText(item as ReflectMessage, field) : "",
      ),
    })),
    style,
  );
}

function block(message: ReflectMessage, style: Style): string {
  const fields = message.fields.filter((field) => isShown(message, field));
  const flat = fields.filter((field) => !holdsMessages(field));
  const width = flat.reduce((most, field) => Math.max(most, field.name.length), 0);
  return fields
    .map((field) => {
      if (!holdsMessages(field)) {
        const name = paint(field.name.padEnd(width), "dim", style);
        return `${name}  ${escapeText(valueText(message, field))}`.trimEnd().concat("\n");
      }
      const title = paint(`${field.name}:`, "dim", style);
      return `${title}\n${indented(inner(message, field, style))}`;
    })
    .join("");
}

function inner(message: ReflectMessage, field: DescField, style: Style): string {
  if (field.fieldKind === "message") {
    return block(message.get(field), style);
  }
  if (isFlatList(field)) {
    return listTable(message.get(field) as ReflectList, field.message, style);
  }
  const items = message.get(field) as ReflectList;
  return [...items].map((item) => block(item as ReflectMessage, style)).join("\n");
}

function holdsMessages(field: DescField): boolean {
  return (
    field.fieldKind === "message" || (field.fieldKind === "list" && field.listKind === "message")
  );
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, INDENT);
}
