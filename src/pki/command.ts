/**
 * `auraed pki`: reads its words, has the plan made, writes the files, and tells a person what came of it. The only
 * place of this folder that speaks to somebody; it ends no process.
 *
 * The rest is loaded only after the words are found right, so that `--help` is quick.
 */
import { basename, dirname } from "node:path";
import { AuraeError, messageOf } from "../base/errors.ts";
import { parsePkiOptions, type PkiOptions, USAGE } from "./options.ts";
import { spiffeIdOf } from "./pair.ts";
import type { FileReport, PkiPlan } from "./plan.ts";
import { ensureDirectory, ensurePrivateDirectory, writeFiles } from "./write.ts";

export interface PkiOutput {
  stdout(text: string): void;
  stderr(text: string): void;
}

const EXIT_OK = 0;
const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

/** Answers with the exit code: 0, 1 for a failure (one line on stderr), 2 for words that can't be right. */
export async function runPkiCommand(args: readonly string[], out: PkiOutput): Promise<number> {
  let options: PkiOptions;
  try {
    options = parsePkiOptions(args);
  } catch (error) {
    out.stderr(`auraed pki: ${printable(messageOf(error))}; see: auraed pki --help\n`);
    return EXIT_USAGE;
  }
  if (options.help) {
    out.stdout(USAGE);
    return EXIT_OK;
  }
  try {
    const { planPki } = await import("./plan.ts");
    const plan = await planPki(options);
    write(plan, options);
    for (const note of plan.notes) {
      out.stderr(`note: ${printable(note)}\n`);
    }
    out.stdout(tableFrom(plan.files));
    return EXIT_OK;
  } catch (error) {
    const reason = error instanceof AuraeError ? error.message : `failed: ${messageOf(error)}`;
    out.stderr(`auraed pki: ${printable(reason)}\n`);
    return EXIT_FAILURE;
  }
}

function write(plan: PkiPlan, options: PkiOptions): void {
  if (plan.writes.some(({ path }) => dirname(path) === options.dir)) {
    ensurePrivateDirectory(options.dir);
  }
  if (options.config !== undefined) {
    ensureDirectory(dirname(options.config));
  }
  writeFiles(plan.writes, options.force);
}

/** Files by directory, one a line: what became of each, until when it is valid, and whose it is. */
function tableFrom(files: readonly FileReport[]): string {
  const width = Math.max(...files.map(({ path }) => basename(path).length));
  let text = "";
  let dir: string | undefined;
  for (const { path, state, certificate } of files) {
    if (dirname(path) !== dir) {
      dir = dirname(path);
      text += `${printable(dir)}\n`;
    }
    const until = certificate?.validToDate.toISOString().slice(0, 10);
    const whose = certificate && (spiffeIdOf(certificate) ?? certificate.subject);
    const rest = until === undefined ? "" : `  until ${until}  ${whose ?? ""}`;
    text += `${printable(`  ${basename(path).padEnd(width)}  ${state.padEnd(8)}${rest}`).trimEnd()}\n`;
  }
  return text;
}

/** One line without control characters: file names and old certificates may hold anything. */
function printable(text: string): string {
  return text.replace(/[\0-\x1f\x7f-\x9f]+/g, " ");
}
