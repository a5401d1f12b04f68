/** The manual pages against the help and the command table, and by mandoc's checker. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUILTINS } from "../../src/cli/builtins.ts";
import { commandsOf } from "../../src/cli/commands.ts";
import { EXIT_CODES } from "../../src/cli/exit-codes.ts";
import { GLOBAL_FLAG_LIST } from "../../src/cli/flags.ts";
import { flagsOf } from "../../src/cli/parse.ts";
import { commandText } from "../../src/cli/texts.ts";
import { loadGroups } from "../../src/cli/groups.ts";
import { USAGE } from "../../src/daemon/config.ts";
import { readComments } from "../reference/comments.ts";
import { manPages } from "./man.ts";
import { renderPage } from "./roff.ts";
import { readUsage } from "./usage.ts";

const GROUPS = await loadGroups();
const mandoc = Bun.which("mandoc") === null ? "there is no mandoc(1)" : undefined;
const pages = new Map<string, string>();
const folder = mkdtempSync(join(tmpdir(), "auraed-man-"));

beforeAll(async () => {
  for (const page of manPages(await readComments())) {
    pages.set(`${page.name}.${page.section}`, renderPage(page));
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

/** As a reader sees it, in one line. */
const plain = (name: string): string =>
  (pages.get(name) ?? "")
    .replace(/^\.(?:SH|SS|TP|PP|nf|fi)\b ?/gm, "")
    .replace(/\\f[BR]|\\&/g, "")
    .replaceAll("\\-", "-")
    .replaceAll("\\(aq", "'")
    .replaceAll("\\e", "\\")
    .replace(/\s+/g, " ");
const words = (text: string): string => text.replaceAll("`", "").replace(/\s+/g, " ");

test("there is a page for each group, for what has more to say, and for the daemon", () => {
  expect([...pages.keys()]).toEqual([
    "aer.1",
    ...GROUPS.map(({ name }) => `aer-${name}.1`),
    "aer-call.1",
    "aer-context.1",
    "auraed.8",
    "auraescript.1",
  ]);
});

test("the page of a group has every command with its text, arguments and flags", () => {
  for (const group of GROUPS) {
    const text = plain(`aer-${group.name}.1`);
    for (const command of commandsOf(group)) {
      expect(text).toContain(`aer ${group.name} ${command.name}`);
      for (const paragraph of commandText(command)) {
        expect(text).toContain(words(paragraph));
      }
      for (const { name } of [
        ...flagsOf(command).map((it) => ({ name: `--${it.name}` })),
        ...command.positionals,
      ]) {
        expect(text).toContain(name);
      }
    }
  }
});

test("aer(1) has the flags of every command, the exit codes and what stands for no group", () => {
  const text = plain("aer.1");
  for (const { name } of GLOBAL_FLAG_LIST) {
    expect(text).toContain(`--${name}`);
  }
  for (const { code, meaning } of EXIT_CODES) {
    expect(text).toContain(`${code} ${words(meaning)}`);
  }
  for (const { name } of BUILTINS) {
    expect(text).toContain(`aer ${name}`);
  }
});

test("auraed(8) has every option of --help with its words", () => {
  const { options, synopsis } = readUsage(USAGE);
  expect(options.map(({ term }) => term.split(/[ ,]/)[0])).toEqual(
    [...USAGE.matchAll(/^ +(-[\w-]+)/gm)].map(([, it = ""]) => it),
  );
  for (const line of [...synopsis, ...options.flatMap(({ term, text }) => [term, text])]) {
    expect(plain("auraed.8")).toContain(words(line));
  }
});

test("readUsage joins what goes over lines, and takes what is no option for a paragraph", () => {
  const text =
    "x: does it\n\nusage: x [flag]\n       x y\n\nA word\nmore.\n\n  -a, --all FILE  all of\n                  it\n  --b\n      of b\n";
  expect(readUsage(text)).toEqual({
    synopsis: ["x [flag]", "x y"],
    options: [
      { term: "-a, --all FILE", text: "all of it" },
      { term: "--b", text: "of b" },
    ],
    paragraphs: ["x: does it", "A word more."],
  });
});

test("no page has a line that only looks like a request", () => {
  for (const [name, text] of pages) {
    for (const line of text.split("\n").filter((it) => /^[.']/.test(it))) {
      expect(line, name).toMatch(/^\.(?:TH|SH|SS|TP|PP|BR|nf|fi|nh|ad)(?: |$)/);
    }
  }
});

describe.skipIf(mandoc !== undefined)(`mandoc's checker: needs mandoc ${mandoc ?? ""}`, () => {
  test("finds nothing in any page but that it has no date, which would change with every build", async () => {
    for (const [name, text] of pages) {
      const path = join(folder, name);
      writeFileSync(path, text);
      const child = Bun.spawn(["mandoc", "-T", "lint", "-W", "warning", path], { stdout: "pipe" });
      const faults = (await child.stdout.text())
        .split("\n")
        .filter((line) => line !== "" && !line.includes("missing date"));
      expect(faults).toEqual([]);
    }
  });
});
