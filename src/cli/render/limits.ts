/** The limits and the isolation of a cell, as one line: `cpu.weight=2 memory.max=64M isolate=process,network`. */
import type { DescField } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type Cell, CellSchema } from "../../gen/aurae/cells/v0/cells_pb.ts";
import { isByteField } from "../exceptions.ts";
import { isShown, valueText } from "./message.ts";
import { exactBytes } from "./units.ts";

export function limitsText(cell: Cell | undefined): string {
  if (cell === undefined) {
    return "";
  }
  const whole = reflect(CellSchema, cell);
  const parts = whole.fields.flatMap((controller) =>
    controller.fieldKind === "message" && whole.isSet(controller)
      ? controllerParts(whole.get(controller), `${controller.name}.`)
      : [],
  );
  const isolated = [
    ...(cell.isolateProcess ? ["process"] : []),
    ...(cell.isolateNetwork ? ["network"] : []),
  ];
  return [...parts, ...(isolated.length > 0 ? [`isolate=${isolated.join(",")}`] : [])].join(" ");
}

function controllerParts(limits: ReflectMessage, prefix: string): readonly string[] {
  return limits.fields
    .filter((field) => isShown(limits, field))
    .map((field) => `${prefix}${field.name}=${limitText(limits, field)}`);
}

function limitText(limits: ReflectMessage, field: DescField): string {
  if (field.fieldKind === "list" && field.listKind === "message") {
    return [...limits.get(field)]
      .map((item) => controllerParts(item as ReflectMessage, "").join(","))
      .join(";");
  }
  if (field.fieldKind === "map") {
    return [...limits.get(field)]
      .map(([key, value]) => `${String(key)}:${numberText(field, String(value))}`)
      .join(",");
  }
  return numberText(field, valueText(limits, field));
}

function numberText(field: DescField, text: string): string {
  return isByteField(field) && /^\d+$/.test(text) ? exactBytes(text) : text;
}
