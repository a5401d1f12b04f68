/**
 * What is said of an error that ended a script: its message first, then where in the script it came from. Frames of the
 * executable's own code are left out; nobody can look at them.
 */
import { exportSite } from "./export-site.ts";
import { importSites } from "./import-sites.ts";
import { MissingModuleError, sourceOf } from "./modules.ts";
import { escapeLines } from "../base/escape.ts";

/** How many errors one error is followed to, by its causes or as one of many. */
const ERRORS_MAX = 10;

/** A module of the executable's own. */
const OWN = /^\/\$bunfs\//;

/** A frame of a file, and not of the executable's own, which are in none, or of the runtime's. */
const OF_A_FILE = /^\s+at (?:.*\()?(?:async )?(?:file:\/\/)?\/(?!\$bunfs\/)/;

/**
 * Some lines, each with its end.
 * @param script the module that was run first; where an import is at fault without a place, it is looked for from there on
 */
export function errorReport(error: unknown, script?: string): string {
  const lines = linesOf(error, 0);
  const place = script === undefined ? undefined : exportSite(error, script);
  return `${escapeLines([...lines, ...(place === undefined ? [] : [`    at ${place}`])].join("\n"))}\n`;
}

function linesOf(error: unknown, depth: number): string[] {
  if (isBuildMessage(error)) {
    return parseFault(error);
  }
  if (isResolveMessage(error)) {
    return importFault(error);
  }
  if (!(error instanceof Error)) {
    return [
      `error: ${typeof error === "string" ? error : Bun.inspect(error)} (thrown, and no Error)`,
    ];
  }
  const frames = framesOf(error);
  const many = error instanceof AggregateError ? error.errors : [];
  const causes = error.cause === undefined || isOurs(error) ? [] : [error.cause];
  const more =
    depth >= ERRORS_MAX
      ? []
      : [
          ...many.slice(0, ERRORS_MAX).flatMap((one) => linesOf(one, depth + 1)),
          ...causes.flatMap((cause) => {
            const [first = "", ...rest] = linesOf(cause, depth + 1);
            return [`caused by ${first}`, ...rest];
          }),
        ];
  if (many.length > 0 && many.every((one) => isBuildMessage(one) || isResolveMessage(one))) {
    return more;
  }
  return [headOf(error), ...frames, ...more];
}

/** The words for a status already say what its cause was. */
function isOurs(error: Error): boolean {
  return error.name === "ConnectError";
}

function headOf(error: Error): string {
  return error.message === "" ? error.name : `${error.name}: ${error.message}`;
}

function framesOf({ stack = "" }: Error): string[] {
  return stack
    .split("\n")
    .filter((line) => OF_A_FILE.test(line))
    .map((line) => `    ${line.trim()}`);
}

interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly lineText: string;
}

/** What Bun throws for a file that is no TypeScript. */
interface ParseError {
  readonly message: string;
  readonly position: Position | null;
}

interface ResolveError {
  readonly message: string;
  readonly specifier: string;
  readonly referrer: string;
}

function isNamed(error: unknown, name: string): boolean {
  return typeof error === "object" && error !== null && error.constructor.name === name;
}

function isBuildMessage(error: unknown): error is ParseError {
  return isNamed(error, "BuildMessage");
}

function isResolveMessage(error: unknown): error is ResolveError {
  return isNamed(error, "ResolveMessage") || error instanceof MissingModuleError;
}

function parseFault({ message, position }: ParseError): string[] {
  const head = `SyntaxError: ${message}`;
  if (position === null) {
    return [head];
  }
  const { file, line, column, lineText } = position;
  const indent = lineText.slice(0, Math.max(0, column - 1)).replace(/[^\t]/g, " ");
  return [head, `    at ${file}:${line}:${column}`, "", `${lineText}`, `${indent}^`];
}

function importFault({ message, specifier, referrer }: ResolveError): string[] {
  const line = lineOfImport(referrer, specifier);
  const isPackage = !/^[./]|^\w+:/.test(specifier);
  const remedy = isPackage ? "; is it in a node_modules beside the script?" : "";
  const where = line === undefined ? referrer : `${referrer}:${line}`;
  return [
    `error: ${message.replace(/^C/, "c").replace(/(?: (?:imported )?from |\nRequire stack:).*$/s, "")}${remedy}`,
    ...(referrer === "" || OWN.test(referrer) ? [] : [`    at ${where}`]),
  ];
}

/** The runtime does not tell it. */
function lineOfImport(file: string, specifier: string): number | undefined {
  return importSites(sourceOf(file) ?? "").find((site) => site.specifier === specifier)?.line;
}
