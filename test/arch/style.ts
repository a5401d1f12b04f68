/** The rules of style that neither the formatter nor the linter knows, as one check of a source file. */
import { basename } from "node:path";
import { isTest, type SourceFile } from "./sources.ts";

const LONGEST_LINES = 400;
const NAME = /^[a-z0-9]+(?:[-.][a-z0-9]+)*\.(?:ts|mjs)$/;
// In two halves, so that this file does not break its own rule.
const UNFINISHED = new RegExp(`\\b(TO${"DO"}|FIX${"ME"}|XX${"X"}|HA${"CK"})\\b`);
/** A skip for want of something is honest, and says in its name what it `needs`, and what the probe found. */
const LEFT_OUT =
  /\b(?:test|it|describe)\.(?:(?:only|todo)\(|skip\((?!\s*`[^`]*\bneeds\b[^`]*\$\{))/;
/** The only places that may read the environment, or end the process. */
const PROCESS_OWNERS = ["src/main/"];

function linesOf(text: string): number {
  return text.split("\n").length - 1;
}

/** What the code of a file does to its process; what comments and strings say does not count. */
function processUse(text: string): string | undefined {
  // Macros are not run: they would be looked for beside a file that has no name here.
  const plain = text.replaceAll('with { type: "macro" }', "");
  const code = new Bun.Transpiler({ loader: "ts" }).transformSync(plain);
  const bare = code.replace(/"(?:[^"\\\n]|\\.)*"/g, '""');
  return /\bprocess\.(?:env|exit|abort)\b|\bBun\.env\b|\bimport\.meta\.env\b/.exec(bare)?.[0];
}

/** Everything about a TypeScript file that is not in style. */
export function styleFaults({ path, text }: SourceFile): string[] {
  const faults: string[] = [];
  const add = (isWrong: boolean, what: string) => {
    if (isWrong) {
      faults.push(`${path}: ${what}`);
    }
  };
  const isProduct = path.startsWith("src/") && !isTest(path) && !path.endsWith(".d.ts");
  add(!NAME.test(basename(path)), "its name is not in kebab-case");
  add(linesOf(text) > LONGEST_LINES, `${linesOf(text)} lines, and ${LONGEST_LINES} is the most`);
  add(/^export default\b/m.test(text) && !path.endsWith(".d.ts"), "has a default export");
  add(UNFINISHED.test(text), `has a mark of unfinished work: ${UNFINISHED.exec(text)?.[0]}`);
  add(LEFT_OUT.test(text), "leaves a test out, or runs only one");
  add(isProduct && !text.startsWith("/**"), "has no opening comment");
  if (isProduct && !PROCESS_OWNERS.some((owner) => path.startsWith(owner))) {
    const use = processUse(text);
    add(use !== undefined, `uses ${use}, which is for src/main`);
  }
  return faults;
}
