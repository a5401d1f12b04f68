/**
 * Finds where a module's text imports what: the runtime tells a fault of an import without its line, and its own scanner of
 * imports tells no positions. Knows as much of TypeScript as tells imports from comments, strings and expressions; a fault
 * that it misses is told without a line.
 */

export interface Place {
  /** From 1, as in a frame of a stack. */
  readonly line: number;
  readonly column: number;
}

export interface ImportSite extends Place {
  /** As it is written, between its quotes. */
  readonly specifier: string;
  /** What is taken from the module by name; `default` among them. None where nothing is, and for types. */
  readonly names: ReadonlyMap<string, Place>;
}

/** Comments, strings, templates, and regular expressions where no division can be. */
const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`|\/(?<=[=(,:;!&|?{}[\n][ \t]*\/)(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+\/\w*/g;

/** What stands before the name of a module. */
const BEFORE = /(?<![.\w$])(?:(?<from>from)|import|(?:import|require)\s*\()\s*$/;
/** More is not looked at for it: what is between is one space, as a rule. */
const BEFORE_MAX = 256;

const STATEMENT = /(?<![.\w$])(?:import|export)(?![\w$])/g;
const NAME = /(?:[A-Za-z_$][\w$]*)/y;

/** All imports and re-exports of a module's text, from its top. */
export function importSites(text: string): readonly ImportSite[] {
  const sites: ImportSite[] = [];
  const placeOf = placesIn(text);
  // From `start` on, where a clause can be, with blanks for all that could be taken for code and is none.
  let code: string[] = [];
  let start = 0;
  let tail = "";
  let at = 0;
  const add = (piece: string): void => {
    code.push(piece);
    tail = (tail + piece.slice(-BEFORE_MAX)).slice(-BEFORE_MAX);
  };
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    add(text.slice(at, index));
    at = index + token.length;
    const before = /^["']/.test(token) ? BEFORE.exec(tail) : null;
    if (before === null) {
      add(token.replace(/[^\n]/g, " "));
      continue;
    }
    const clauseEnd = index - before[0].length;
    const names =
      before.groups?.from === undefined
        ? new Map<string, number>()
        : namesOf(code.join("").slice(0, clauseEnd - start), start);
    sites.push({
      specifier: token.slice(1, -1),
      ...placeOf(index),
      names: new Map([...names].map(([name, offset]) => [name, placeOf(offset)])),
    });
    code = [];
    start = at;
    tail = "";
  }
  return sites;
}

/** The names of the last clause of some code, with where they are in the text that it is from. */
function namesOf(code: string, start: number): Map<string, number> {
  const names = new Map<string, number>();
  const last = [...code.matchAll(STATEMENT)].at(-1);
  if (last === undefined) {
    return names;
  }
  const begin = last.index + last[0].length;
  const clause = code.slice(begin);
  if (/^\s*type\s+(?:\{|\*|(?!from\b)\w)/.test(clause)) {
    return names;
  }
  const open = clause.indexOf("{");
  const own = /^\s*/.exec(clause)?.[0].length ?? 0;
  if (nameAt(clause, own) !== undefined) {
    names.set("default", start + begin + own);
  }
  if (open < 0) {
    return names;
  }
  let offset = open + 1;
  for (const part of (clause.slice(offset).split("}", 1)[0] ?? "").split(",")) {
    const skip = /^\s*(?:type\s+(?!as\b|$))?/.exec(part)?.[0] ?? "";
    const name = nameAt(clause, offset + skip.length);
    if (name !== undefined && !skip.includes("type")) {
      names.set(name, start + begin + offset + skip.length);
    }
    offset += part.length + 1;
  }
  return names;
}

function nameAt(code: string, offset: number): string | undefined {
  NAME.lastIndex = offset;
  return NAME.exec(code)?.[0];
}

/** From an offset to its place. */
function placesIn(text: string): (offset: number) => Place {
  return (offset) => {
    const before = text.slice(0, offset);
    const lineStart = before.lastIndexOf("\n") + 1;
    return { line: before.split("\n").length, column: offset - lineStart + 1 };
  };
}
