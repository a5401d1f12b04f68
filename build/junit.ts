/** Reads the JUnit report of `bun test`: which tests there were, and how each ended. Not a general XML reader. */

export type Outcome = "passed" | "failed" | "skipped";

export interface TestResult {
  /** The names of its groups and its own, as `bun test` prints them. */
  readonly name: string;
  readonly outcome: Outcome;
  /** Why it failed, or was skipped; empty where the report does not say. */
  readonly message: string;
}

/** A failure that no report tells of. */
export function failure(name: string, message: string): TestResult {
  return { name, outcome: "failed", message };
}

const ENTITIES: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  amp: "&",
  quot: '"',
  apos: "'",
};

function withoutEntities(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) {
      return ENTITIES[name] ?? whole;
    }
    return String.fromCodePoint(decimal === undefined ? parseInt(hex, 16) : parseInt(decimal, 10));
  });
}

function attribute(tag: string, name: string): string {
  return withoutEntities(new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1] ?? "");
}

/** Reads one report. Attribute values hold no bare `<` or `>`, so that tags can be told by them. */
export function parseJunit(xml: string): TestResult[] {
  const results: TestResult[] = [];
  for (const [, tag = "", body = ""] of xml.matchAll(
    /<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g,
  )) {
    const group = attribute(tag, "classname");
    const own = attribute(tag, "name");
    const verdict = /<(failure|error|skipped)\b([^>]*)>/.exec(body);
    results.push({
      name: group === "" ? own : `${group} > ${own}`,
      outcome: verdict === null ? "passed" : verdict[1] === "skipped" ? "skipped" : "failed",
      message: verdict === null ? "" : attribute(verdict[2] ?? "", "message"),
    });
  }
  return results;
}
