/** Runs other programs for the build: quietly, with their output kept for the case that they fail. */
import { BuildError } from "./error.ts";
import { inRoot, ROOT } from "./paths.ts";

export interface RunOptions {
  /** Default: the repository. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What the program reads; nothing unless given. */
  readonly stdin?: string;
}

/** A program that ended with another status than 0. */
export class RunError extends BuildError {
  readonly output: string;

  constructor(argv: readonly string[], how: string, output: string) {
    super(`${argv.join(" ")}: ${how}`);
    this.output = output;
  }
}

/** The environment of child processes: the tools of node_modules come first. */
export function toolEnvironment(): Record<string, string | undefined> {
  return { ...process.env, PATH: `${inRoot("node_modules/.bin")}:${process.env.PATH ?? ""}` };
}

/**
 * Runs a program to its end.
 * @returns its standard output
 * @throws {RunError} when it fails, with all of its output
 */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const [program = ""] = argv;
  const env = { ...toolEnvironment(), ...options.env };
  if (Bun.which(program, { PATH: env.PATH ?? "" }) === null) {
    throw new RunError(argv, "not found", "");
  }
  const child = Bun.spawn([...argv], {
    cwd: options.cwd ?? ROOT,
    env,
    stdin: options.stdin === undefined ? "ignore" : Buffer.from(options.stdin),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  if (child.exitCode !== 0) {
    const how =
      child.signalCode === null ? `exit status ${child.exitCode}` : `ended by ${child.signalCode}`;
    throw new RunError(argv, how, `${stdout}${stderr}`.trim());
  }
  return stdout;
}
