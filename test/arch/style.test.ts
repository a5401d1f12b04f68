import { expect, test } from "bun:test";
import { inRoot } from "../../build/paths.ts";
import { sourcesIn } from "./sources.ts";
import { styleFaults } from "./style.ts";

const FOLDERS = ["src", "build", "initramfs", "test", "examples", "npm"];

test("every TypeScript file is in the project's style", async () => {
  const files = FOLDERS.flatMap((folder) => sourcesIn(folder, "**/*.{ts,mjs}"));
  expect(files.length).toBeGreaterThan(0);
  expect([...files, await buildProgram()].flatMap(styleFaults)).toEqual([]);
});

async function buildProgram() {
  return { path: "build.ts", text: await Bun.file(inRoot("build.ts")).text() };
}

const GOOD = '/** Owns a thing. */\nexport const thing = "process.env";\n';

test("styleFaults finds nothing in a file that is as it should be", () => {
  expect(styleFaults({ path: "src/base/a-thing.ts", text: GOOD })).toEqual([]);
});

const BAD: readonly [path: string, text: string, fault: string][] = [
  ["src/base/aThing.ts", GOOD, "kebab-case"],
  ["src/base/a-thing.ts", `${GOOD}${"//\n".repeat(400)}`, "402 lines"],
  ["src/base/a-thing.ts", `${GOOD}export default thing;\n`, "default export"],
  ["src/base/a-thing.ts", `${GOOD}// FIX${"ME"} later\n`, "unfinished"],
  ["src/base/a-thing.test.ts", `${GOOD}test.on${"ly"}("x", () => {});\n`, "leaves a test out"],
  ["src/base/a-thing.test.ts", `${GOOD}test.sk${"ip"}("x", () => {});\n`, "leaves a test out"],
  ["src/base/a-thing.ts", "export const thing = 1;\n", "opening comment"],
  ["src/base/a-thing.ts", `${GOOD}process.exit(1);\n`, "process.exit"],
  ["src/base/a-thing.ts", `${GOOD}export const home = process.env.HOME;\n`, "process.env"],
];

test.each(BAD)("styleFaults refuses %s with %j: %s", (path, text, fault) => {
  expect(styleFaults({ path, text }).join("\n")).toContain(fault);
});

test("styleFaults takes a skip that names what it needs and what is missing", () => {
  const text = `${GOOD}test.sk${"ip"}(\`x: needs root (\${missing})\`, () => {});\n`;
  expect(styleFaults({ path: "src/base/a-thing.test.ts", text })).toEqual([]);
});

test("styleFaults lets src/main read the environment and end the process", () => {
  const text = "/** Main. */\nprocess.exit(process.env.HOME === undefined ? 1 : 0);\n";
  expect(styleFaults({ path: "src/main/main.ts", text })).toEqual([]);
});
