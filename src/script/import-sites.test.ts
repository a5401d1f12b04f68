import { expect, test } from "bun:test";
import { importSites } from "./import-sites.ts";

/** `specifier@line:column` and `name@line:column`, in short. */
const found = (text: string): string[] =>
  importSites(text).map(({ specifier, line, column, names }) =>
    [
      `${specifier}@${line}:${column}`,
      ...[...names].map(([name, place]) => `${name}@${place.line}:${place.column}`),
    ].join(" "),
  );

const TEXTS: readonly [text: string, sites: readonly string[]][] = [
  ["import \"a\";\nimport 'b';", ["a@1:8", "b@2:8"]],
  ['import x from "a";', ["a@1:15 default@1:8"]],
  ['import x, { b as c,\n  d } from "a";', ["a@2:12 default@1:8 b@1:13 d@2:3"]],
  ['import { default as x, type T, type } from "a";', ["a@1:44 default@1:10 type@1:32"]],
  ['import * as all from "a"; import type { T } from "b";', ["a@1:22", "b@1:50"]],
  ['export * from "a"; export { b } from "c";', ["a@1:15", "c@1:38 b@1:29"]],
  ['import{a}from"b"', ["b@1:14 a@1:8"]],
  ['import { /* b, */ a } from /* c */ "d";', ["d@1:36 a@1:19"]],
  ['const a = await import("a"), b = require( "b" );', ["a@1:24", "b@1:43"]],
  ['// import "a"\n/* import "b"\n*/ import "c";', ["c@3:11"]],
  ['const s = `import "a"`, t = "import \'b\'", u = \'from "c"\';\nimport "d";', ["d@2:8"]],
  ['const r = /["`]/, half = 1 / 2;\nimport "a";', ["a@2:8"]],
  ['x.import("a"); y.from; $require("b"); important("c");', []],
  ['const a = "a";\nexport const b = [a, "b"];', []],
];

test.each(TEXTS)("importSites of %j", (text, sites) => {
  expect(found(text)).toEqual([...sites]);
});
