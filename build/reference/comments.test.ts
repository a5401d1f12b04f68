import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { SERVICE_GROUPS } from "../../src/client/services.ts";
import { SERVICES } from "../../src/service/services.ts";
import { inRoot } from "../paths.ts";
import { summariesModule } from "../summaries.ts";
import { readComments, withoutName } from "./comments.ts";

const comments = await readComments();

test("readComments finds a comment at everything that the API declares", () => {
  const files = new Set(SERVICES.map(({ file }) => file));
  for (const file of files) {
    for (const dependency of file.dependencies) {
      files.add(dependency);
    }
  }
  const names = [...files]
    .filter(({ proto }) => !/^(?:buf|google)\./.test(proto.package))
    .flatMap((file) => [
      `${file.name}.proto`,
      ...file.services.flatMap((it) => [
        it.typeName,
        ...it.methods.map(({ name }) => `${it.typeName}.${name}`),
      ]),
      ...file.messages.flatMap((it) => [
        it.typeName,
        ...[...it.fields, ...it.oneofs]
          // What `optional` makes is a oneof that nobody wrote.
          .filter((member) => !member.name.startsWith("_"))
          .map(({ name }) => `${it.typeName}.${name}`),
        ...it.nestedEnums.flatMap((each) => [
          each.typeName,
          ...each.values.map(({ name }) => `${each.typeName}.${name}`),
        ]),
      ]),
      ...file.enums.flatMap((it) => [
        it.typeName,
        ...it.values.map(({ name }) => `${it.typeName}.${name}`),
      ]),
    ]);
  expect(names.length).toBeGreaterThan(300);
  expect(names.filter((name) => !comments.has(name))).toEqual([]);
});

test("readComments keeps paragraphs apart, and joins the lines of each", () => {
  expect(comments.get("aurae.cells.v0.CellService.Stop")).toMatch(
    /^Stop ends an executable: .* is not an error\.\n\nErrors: NOT_FOUND if [^\n]*\.$/,
  );
});

test("withoutName drops a method's own name only", () => {
  expect(withoutName("Stop ends it.", "Stop")).toBe("Ends it.");
  expect(withoutName("Stops it.", "Stop")).toBe("Stops it.");
});

test("summariesModule gives src/cli/summaries.ts as it is, and refuses what has no comment", () => {
  const services = SERVICE_GROUPS.map(({ service }) => service);
  const text = readFileSync(inRoot("src/cli/summaries.ts"), "utf8");
  expect(summariesModule(comments, services)).toBe(text);
  expect(() => summariesModule(new Map(), services)).toThrow("has no comment");
});
