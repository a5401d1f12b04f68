/** The AuraeScript of every example, checked with the types of the library as an editor would check it. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SERVICES } from "../../src/service/services.ts";
import { inRoot } from "../paths.ts";
import { exampleOf } from "./examples.ts";
import { scriptFor } from "./script.ts";

const LIBRARY = inRoot("src/library/index.ts");
const folder = mkdtempSync(join(tmpdir(), "auraed-scripts-"));

afterAll(() => rmSync(folder, { recursive: true }));

const SCRIPTS = SERVICES.flatMap(({ methods }) => methods).flatMap((method) => {
  const text = scriptFor(method, exampleOf(method));
  return text === undefined ? [] : [{ name: `${method.parent.name}-${method.name}`, text }];
});

/** What the type checker says of some scripts. */
async function check(name: string, scripts: readonly { name: string; text: string }[]) {
  const project = join(folder, name);
  mkdirSync(project);
  for (const script of scripts) {
    writeFileSync(join(project, `${script.name}.ts`), script.text);
  }
  const settings = {
    extends: inRoot("tsconfig.json"),
    compilerOptions: { paths: { aurae: [LIBRARY] }, typeRoots: [inRoot("node_modules/@types")] },
    include: ["*.ts"],
  };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify(settings));
  const child = Bun.spawn([process.execPath, "check", "-p", project], { stderr: "pipe" });
  const [out, errors, code] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  return { code, text: out + errors };
}

test("each script parses, and is short enough for a page", () => {
  for (const { text } of SCRIPTS) {
    expect(new Bun.Transpiler({ loader: "ts" }).scan(text).imports.map(({ path }) => path)).toEqual(
      ["aurae"],
    );
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThan(120);
  }
});

describe("the library's types", () => {
  test("take each script as it is", async () => {
    expect(SCRIPTS.length).toBeGreaterThan(25);
    expect(await check("good", SCRIPTS)).toMatchObject({ code: 0 });
  });

  test("refuse a method, a field and a value that are wrong", async () => {
    for (const [from, to] of [
      [".free(", ".fre("],
      ["cellName:", "cellNam:"],
      ['"web"', "1"],
    ] as const) {
      const { text } = SCRIPTS.find(({ name }) => name === "CellService-Free")!;
      const wrong = text.replace(from, to);
      expect(wrong).not.toBe(text);
      expect(
        (await check(`bad${to}`.replace(/\W/g, ""), [{ name: "wrong", text: wrong }])).code,
      ).toBe(1);
    }
  });
});
