/** The API reference against the protos and the code: all is there, nothing is stale, and the page needs nobody. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import type { DescFile, DescMessage } from "@bufbuild/protobuf";
import { RULES } from "../../src/authz/rules.ts";
import { toConnectError } from "../../src/service/errors.ts";
import { SERVICES } from "../../src/service/services.ts";
import { unimplemented } from "../../src/service/unimplemented.ts";
import { commandHelp } from "../../src/cli/help.ts";
import { Code } from "@connectrpc/connect";
import { inRoot } from "../paths.ts";
import { commandOf } from "./aer-words.ts";
import { readComments } from "./comments.ts";
import { REFERENCE } from "./folder.ts";
import { implementedMethods } from "./implemented.ts";
import { createModel } from "./model.ts";
import { rank } from "./page-script.mjs";
import { ruleWords } from "./rules.ts";
import { referenceFiles } from "./write.ts";

const comments = await readComments();
const read = (name: string): string => readFileSync(inRoot(REFERENCE, name), "utf8");
const html = read("index.html");
const PAGES = SERVICES.map(({ file }) => `${file.proto.package}.md`);

function filesOf(): readonly DescFile[] {
  const files = new Set(SERVICES.map(({ file }) => file));
  for (const file of files) {
    for (const dependency of file.dependencies) {
      files.add(dependency);
    }
  }
  return [...files].filter(({ proto }) => !/^(?:buf|google)\./.test(proto.package));
}

const withNested = (message: DescMessage): readonly DescMessage[] => [
  message,
  ...message.nestedMessages
    .filter(({ proto }) => proto.options?.mapEntry !== true)
    .flatMap(withNested),
];
const messages = filesOf().flatMap((file) => file.messages.flatMap(withNested));
const enums = [
  ...filesOf().flatMap((file) => file.enums),
  ...messages.flatMap((it) => it.nestedEnums),
];

/** The part of a page from one heading to the next. */
function sectionOf(page: string, heading: string): string {
  const [, rest = ""] = page.split(new RegExp(`^#{2,3} ${RegExp.escape(heading)}$`, "m"));
  return rest.split(/^#{2,3} /m)[0] ?? "";
}

function htmlSectionOf(id: string): string {
  return html.split(`<section id="${id}">`)[1]?.split("</section>")[0] ?? "";
}

const plain = (text: string): string =>
  text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&")
    .replace(/<\/?code>|[`\\]/g, "");

test("docs/stdlib/v0 is what gen writes, and nothing else", () => {
  const files = referenceFiles(comments);
  for (const [path, text] of files) {
    expect(readFileSync(inRoot(path), "utf8") === text, path).toBe(true);
  }
  const names = [...files.keys()].map((path) => path.slice(REFERENCE.length + 1));
  expect(readdirSync(inRoot(REFERENCE)).toSorted()).toEqual(names.toSorted());
});

describe("the reference has", () => {
  test("every service and method, with its kind, callers, messages and examples", () => {
    const index = read("README.md");
    for (const service of SERVICES) {
      const page = read(`${service.file.proto.package}.md`);
      expect(index).toContain(`[${service.typeName}](${service.file.proto.package}.md#`);
      expect(htmlSectionOf(service.typeName)).not.toBe("");
      for (const { name, input, output, methodKind } of service.methods) {
        const rule = RULES[`${service.typeName}/${name}`];
        for (const text of [sectionOf(page, name), htmlSectionOf(`${service.typeName}.${name}`)]) {
          expect(text).toContain(`${service.typeName}/${name}`);
          expect(text).toContain(input.name);
          expect(text).toContain(output.name);
          expect(text.includes("a stream of answers")).toBe(
            methodKind.match(/^(?:server|bidi)/) !== null,
          );
          expect(text.includes("a stream of requests")).toBe(
            methodKind.match(/^(?:client|bidi)/) !== null,
          );
          for (const role of rule === "any" ? [] : (rule ?? [])) {
            expect(plain(text)).toContain(role);
          }
          expect(text.includes("everybody with a certificate of the CA")).toBe(rule === "any");
          for (const title of ["curl", "aer"]) {
            expect(text).toMatch(new RegExp(`[*>]${title}[*<]`));
          }
        }
      }
    }
  });

  test("every message with every field, its type, its rules and its words", () => {
    expect(messages.length).toBeGreaterThan(60);
    for (const message of messages) {
      const heading = message.typeName.slice(message.file.proto.package.length + 1);
      const page = sectionOf(read(`${message.file.proto.package}.md`), heading);
      for (const text of [page, htmlSectionOf(message.typeName)].map(plain)) {
        expect(text, message.typeName).not.toBe("");
        for (const field of message.fields) {
          const line = text
            .split("\n")
            .find((it) => new RegExp(`(?:\\| |<td>)${field.name}(?: \\||</code>| =)`).test(it));
          expect(line, `${message.typeName}.${field.name}`).toContain(`${field.number}`);
          expect(line).toContain((field.message ?? field.enum)?.name ?? "");
          expect(line).toContain(
            plain(comments.get(`${message.typeName}.${field.name}`)!.split("\n")[0]!),
          );
          for (const rule of ruleWords(field)) {
            expect(line).toContain(plain(rule));
          }
        }
      }
    }
  });

  test("every enum with every value", () => {
    expect(enums.length).toBeGreaterThan(8);
    for (const { typeName, file, values } of enums) {
      const heading = typeName.slice(file.proto.package.length + 1);
      for (const text of [
        sectionOf(read(`${file.proto.package}.md`), heading),
        htmlSectionOf(typeName),
      ]) {
        for (const { name, number } of values) {
          expect(text).toMatch(new RegExp(`${name}\\b.*\\b${number}\\b`));
        }
      }
    }
  });

  test("the mark of what is not there yet, at those methods and no others", () => {
    const isImplemented = implementedMethods();
    const absent = SERVICES.flatMap(({ methods }) => methods).filter((it) => !isImplemented(it));
    // The integration tests hold this against a daemon; here, that it is not all or nothing.
    expect(absent.map(({ parent }) => parent.name)).toContain("ObserveService");
    expect(absent.map(({ parent }) => parent.name)).not.toContain("CellService");
    for (const { parent, name } of SERVICES.flatMap(({ methods }) => methods)) {
      const isAbsent = absent.some((it) => it.parent === parent && it.name === name);
      const page = sectionOf(read(`${parent.file.proto.package}.md`), name);
      expect(page.includes("**Not there yet:**")).toBe(isAbsent);
      expect(htmlSectionOf(`${parent.typeName}.${name}`).includes('class="absent"')).toBe(isAbsent);
    }
  });

  test("the errors of every method that is there, by codes that exist", () => {
    const codes = Object.keys(Code).map((name) =>
      name.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase(),
    );
    for (const { services } of createModel(comments)) {
      for (const { id, errors, isImplemented } of services.flatMap((it) => it.methods)) {
        expect(errors !== undefined || !isImplemented, id).toBe(true);
        for (const [word] of (errors ?? "").matchAll(/\b[A-Z]{3,}(?:_[A-Z]+)*\b/g)) {
          expect([...codes, "SIGKILL"]).toContain(word);
        }
      }
    }
  });
});

test("a handler made by unimplemented answers that, by its name", () => {
  const { allocate } = SERVICES.find(({ name }) => name === "VmService")!.method;
  let thrown: unknown;
  try {
    unimplemented(allocate!)();
  } catch (error) {
    thrown = error;
  }
  expect(toConnectError(thrown).code).toBe(Code.Unimplemented);
});

test("aer --help says of a method what the reference says", () => {
  for (const { services } of createModel(comments)) {
    for (const { methods } of services) {
      for (const entry of methods) {
        const method = SERVICES.find(({ typeName }) =>
          entry.id.startsWith(`${typeName}.`),
        )!.methods.find(({ name }) => name === entry.name)!;
        const command = commandOf(method);
        const help = command === undefined ? undefined : commandHelp(command).replace(/\s+/g, " ");
        for (const text of help === undefined ? [] : [...entry.text, entry.errors ?? ""]) {
          expect(help).toContain(text);
        }
      }
    }
  }
});

describe("index.html", () => {
  test("needs no network and no other file, and is small", () => {
    expect(html).not.toMatch(/\b(?:src|srcset|action)=/);
    expect(html).not.toMatch(/<(?:link|img|iframe|base|object)\b|@import|url\(/);
    expect([...html.matchAll(/\bhref="([^#"][^"]*)"/g)]).toEqual([]);
    expect(html).toContain("default-src 'none'");
    expect(html.length).toBeLessThan(256 * 1024);
  });

  test("has each id once, and no link to one that is not there", () => {
    const ids = [...html.matchAll(/<section id="([^"]+)"/g)].map(([, id]) => id);
    expect(ids).toEqual([...new Set(ids)]);
    for (const [, target] of html.matchAll(/\bhref="#([^"]+)"/g)) {
      expect(ids).toContain(target);
    }
    const listed = [...html.split("</nav>")[0]!.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
    expect(listed.toSorted()).toEqual(ids.toSorted());
  });

  test("is well formed: what is opened is closed", async () => {
    const open: string[] = [];
    const VOID = ["meta", "input", "br"];
    for (const [, slash, name = ""] of html
      .split("<script")[0]!
      .matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*>/g)) {
      if (slash === "/") {
        expect(open.pop()).toBe(name);
      } else if (!VOID.includes(name)) {
        open.push(name);
      }
    }
    expect(open).toEqual(["html"]);
  });

  test("has a script that parses", () => {
    const script = /<script type="module">\n([\s\S]*)<\/script>/.exec(html)?.[1] ?? "";
    expect(() => new Bun.Transpiler({ loader: "js" }).transformSync(script)).not.toThrow();
    expect(script).toContain("start(document);");
    expect(script).not.toContain("export ");
  });
});

describe("rank", () => {
  const entries = [
    { name: "a.cellservice.allocate", text: "makes a cell with limits" },
    { name: "a.cell", text: "a control group" },
    { name: "a.cellservice.free", text: "stops every executable in a cell" },
  ];

  test("puts names before what only speaks of a word, and whole names before parts", () => {
    expect(rank(entries, "cell")).toEqual([1, 0, 2]);
    expect(rank(entries, "Free")).toEqual([2]);
  });

  test("wants every word, in any order, and finds all for none", () => {
    expect(rank(entries, "limits cell")).toEqual([0]);
    expect(rank(entries, "limits group")).toEqual([]);
    expect(rank(entries, "  ")).toEqual([0, 1, 2]);
  });
});

test("each Markdown page has each heading once, for links", () => {
  for (const name of PAGES) {
    const headings = [...read(name).matchAll(/^#+ (.*)$/gm)].map(([, it = ""]) => it.toLowerCase());
    expect(
      headings.filter((it, at) => headings.indexOf(it) !== at),
      name,
    ).toEqual([]);
  }
});
