/** What apply takes for the same as nothing has to be what the daemon takes for it, and every field has to count. */
import { describe, expect, test } from "bun:test";
import { create, type DescField, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { executableName } from "../../domain/executables/executable-name.ts";
import { executableSpec } from "../../domain/executables/executable-spec.ts";
import { DEFAULT_MAX_BYTES } from "../../domain/output/stream-writer.ts";
import { CellSchema, ExecutableSchema } from "../../gen/aurae/cells/v0/cells_pb.ts";
import { definitionToProto } from "../../service/cells/definitions.ts";
import { cellChanges, UNLIMITED } from "./cell-changes.ts";
import { definitionChanges } from "./definition.ts";

const plainCell = create(CellSchema, { name: "a" });
const plain = create(ExecutableSchema, { name: "x", command: "x" });

/** A value of a field that is no default of it, as JSON. */
function sample(field: DescField): JsonValue {
  switch (field.fieldKind) {
    case "scalar":
      return field.scalar === 8 ? true : field.scalar === 9 ? "7" : 7;
    case "enum":
      return field.enum.values.at(-1)!.number;
    case "list":
      return field.listKind === "message"
        ? [Object.fromEntries(field.message.fields.map((it) => [it.jsonName, sample(it)]))]
        : ["7"];
    case "map":
      return { "7": field.mapKind === "message" ? {} : field.scalar === 9 ? "7" : 7 };
    case "message":
      return Object.fromEntries(field.message.fields.map((it) => [it.jsonName, sample(it)]));
  }
}

/** Each leaf by itself, so that none can hide behind another. */
function* leaves(fields: readonly DescField[]): Generator<[string, Record<string, JsonValue>]> {
  for (const field of fields) {
    if (field.fieldKind === "message") {
      for (const [path, value] of leaves(field.message.fields)) {
        yield [`${field.name}.${path}`, { [field.jsonName]: value }];
      }
    } else {
      yield [field.name, { [field.jsonName]: sample(field) }];
    }
  }
}

describe("apply sees a change of", () => {
  for (const [path, value] of leaves(CellSchema.fields)) {
    if (path !== "name") {
      test(`Cell.${path}`, () => {
        const { live, fixed } = cellChanges(plainCell, fromJson(CellSchema, value));
        const changed = [...live, ...fixed].map(({ field }) => field);
        expect(changed.length).toBeGreaterThan(0);
        expect(changed.every((field) => field.startsWith(path))).toBe(true);
      });
    }
  }

  for (const [path, value] of leaves(ExecutableSchema.fields)) {
    test(`Executable.${path}`, () => {
      // How one says that it is ready has a deadline and a descriptor only where it is to say so.
      const isReadiness = path.startsWith("readiness.") && path !== "readiness.mode";
      const readiness = { mode: 3, ...(Reflect.get(value, "readiness") as object | undefined) };
      const before = isReadiness ? { readiness: { mode: 3 } } : {};
      const json = { name: "x", command: "x", ...value, ...(isReadiness ? { readiness } : {}) };
      const changed = definitionChanges(
        fromJson(ExecutableSchema, { name: "x", command: "x", ...before }),
        fromJson(ExecutableSchema, json),
      ).map(({ field }) => field);
      expect(changed.length).toBeGreaterThan(0);
      expect(changed.every((field) => field.startsWith(path))).toBe(true);
    });
  }
});

describe("apply takes for nothing", () => {
  test("what the daemon does by default about an executable", () => {
    const command = { kind: "shell", line: "x" } as const;
    const spec = executableSpec({ name: executableName("x"), command });
    const definition = create(ExecutableSchema, definitionToProto(spec));
    expect(definition.restart).toBeDefined();
    expect(definitionChanges(definition, plain)).toEqual([]);
  });

  test("no limit, and the default bound of output", () => {
    const unlimited = create(CellSchema, { name: "a", ...UNLIMITED });
    expect(cellChanges(plainCell, unlimited)).toEqual({ live: [], fixed: [] });
    expect(UNLIMITED.output.maxBytes).toBe(BigInt(DEFAULT_MAX_BYTES));
  });
});
