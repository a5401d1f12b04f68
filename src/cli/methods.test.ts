import { describe, expect, test } from "bun:test";
import { SERVICES } from "../service/services.ts";
import { commandsOf } from "./commands.ts";
import { loadGroups } from "./groups.ts";
import { findMethod, methodPaths } from "./methods.ts";

test("every method of every service can be called, and those of the groups have commands", async () => {
  const all = SERVICES.flatMap(({ methods }) => methods);
  expect(methodPaths().toSorted()).toEqual(
    all.map(({ parent, name }) => `${parent.typeName}/${name}`).toSorted(),
  );
  const withCommand = new Set((await loadGroups()).flatMap(commandsOf).map(({ method }) => method));
  const without = all.filter((method) => !withCommand.has(method)).map(({ parent }) => parent.name);
  expect(new Set(without)).toEqual(new Set(["ServerReflection"]));
});

describe("findMethod", () => {
  test("finds each by its full name, with a slash or a dot", () => {
    for (const path of methodPaths()) {
      const { parent, name } = findMethod(path);
      expect(`${parent.typeName}/${name}`).toBe(path);
      expect(findMethod(path.replace("/", "."))).toBe(
        parent.methods.find((it) => it.name === name)!,
      );
    }
  });

  test("refuses a service alone, and what is nothing at all", () => {
    for (const text of [
      "CellService",
      "aurae.cells.v0.CellService",
      "",
      "/",
      "a/b/c",
      "Allocate",
    ]) {
      expect(() => findMethod(text)).toThrow(`no method "${text}"`);
    }
  });

  test("names both where a short name means two", () => {
    expect(() => findMethod("ServerReflection.ServerReflectionInfo")).toThrow(
      "may be grpc.reflection.v1.ServerReflection/ServerReflectionInfo or grpc.reflection.v1alpha.",
    );
  });
});
