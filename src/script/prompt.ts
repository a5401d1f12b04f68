/**
 * The interactive prompt: TypeScript line by line, with completion, history and `await`. The library's namespaces are
 * there without an import.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Recoverable, type REPLEval, start } from "node:repl";
import { type Context, type Module, runInThisContext } from "node:vm";
import { messageOf } from "../base/errors.ts";
import { errorReport } from "./error-report.ts";
import { provideModules, provideRuntimeGlobal } from "./modules.ts";
import { escapeLines } from "../base/escape.ts";

export interface PromptIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
}

/** Of the compiler, where more lines may still make it right. */
const UNFINISHED = /end of file|Expected "\*\/"/;

/** Reads and runs until the input ends. @returns the exit code */
export async function runPrompt(io: PromptIo): Promise<number> {
  provideModules();
  provideRuntimeGlobal();
  const library = await import("../library/index.ts");
  const names = Object.entries(library).flatMap(([name, value]) =>
    typeof value === "object" && value !== library.Code ? [name] : [],
  );
  io.stdout(
    `auraescript ${io.version}: createClient() and ${names.join(", ")} are there. .help has more, Ctrl-D ends.\n`,
  );
  const history = historyFile(io);
  const prompt = start({
    prompt: "> ",
    useGlobal: true,
    eval: evaluatorFor(io),
    ignoreUndefined: true,
  });
  Object.assign(globalThis, library);
  if (history !== undefined) {
    await useHistory(prompt, history, io);
  }
  const { promise, resolve } = Promise.withResolvers<number>();
  prompt.once("exit", () => resolve(0));
  return await promise;
}

const compiler = new Bun.Transpiler({ loader: "ts", target: "bun", replMode: true });

/** What completion asks for: the value of a statement, which the compiler would drop. */
const PROBE = /^try \{ [\w$.]+ \} catch \{\}\s*$/;

/** Its value is a module, which nobody wants to read. */
const IMPORT = /^\s*import\s*(?:["'*{]|\w)/;

function evaluatorFor({ stderr }: PromptIo): REPLEval {
  return function evaluate(input, _context: Context, file, done) {
    const finish = (result: unknown): void =>
      done(null, IMPORT.test(input) ? undefined : valueIn(result));
    // Told by us: what the prompt is told of itself, it leaves out of its history.
    const fail = (error: unknown): void => {
      stderr(`${errorReport(error).replace(/^(?!error: )/, "Uncaught ")}`);
      done(null, undefined);
    };
    try {
      const result: unknown = PROBE.test(input)
        ? { value: runInThisContext(input) as unknown }
        : runInThisContext(compiler.transformSync(input), {
            filename: file,
            importModuleDynamically: (name) => import(fromHere(name)) as Promise<Module>,
          });
      // At once where it can be: completion looks at values by the same way, and does not wait.
      if (result instanceof Promise) {
        result.then(finish, fail);
      } else {
        finish(result);
      }
    } catch (error) {
      if (isOpen(input, messageOf(firstOf(error)))) {
        done(new Recoverable(new SyntaxError(messageOf(error))), undefined);
      } else {
        fail(firstOf(error));
      }
    }
  };
}

function firstOf(error: unknown): unknown {
  return error instanceof AggregateError ? error.errors[0] : error;
}

/** What the compiler makes of an input ends in an object with its value. */
function valueIn(result: unknown): unknown {
  return typeof result === "object" && result !== null && "value" in result
    ? result.value
    : undefined;
}

/** As if the prompt were a module of the working directory. */
function fromHere(name: string): string {
  try {
    return Bun.resolveSync(name, process.cwd());
  } catch {
    return name; // The library is in no file, and what is missing is told by the import.
  }
}

/** Whether more lines may make it right. A string in quotes ends with its line; nothing after it can close it. */
function isOpen(input: string, fault: string): boolean {
  return UNFINISHED.test(fault) || (fault === "Unterminated string literal" && input.includes("`"));
}

/** The file in the user's own folder; none without one, or where that can't be made. */
function historyFile({ env: { HOME: home }, stderr }: PromptIo): string | undefined {
  if (home === undefined || home === "") {
    return undefined;
  }
  const folder = join(home, ".aurae");
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return join(folder, "auraescript_history");
  } catch (error) {
    stderr(`auraescript: no history: ${escapeLines(messageOf(error))}\n`);
    return undefined;
  }
}

async function useHistory(
  prompt: ReturnType<typeof start>,
  file: string,
  { stderr }: PromptIo,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  prompt.setupHistory(file, (error) => {
    if (error !== null) {
      stderr(`auraescript: no history: ${escapeLines(error.message)}\n`);
    }
    resolve();
  });
  await promise;
}
