/** `auraed`: runs the daemon, or one of its subcommands. Answers with the exit code. */
import { messageOf } from "../base/errors.ts";
import { setLogLevel } from "../base/log.ts";
import { BANNER } from "../daemon/banner.ts";
import { parseDaemonArgs, USAGE } from "../daemon/config.ts";
import { runDaemon } from "../daemon/run.ts";
import { VERSION } from "../daemon/version.ts";

function fail(message: string, code: number): number {
  process.stderr.write(`auraed: ${message.replace(/\s*\n\s*/g, " ")}\n`);
  return code;
}

/** 0: ended as asked (for init: see src/init/protocol.ts); 1: could not start or go on; 2: the command line is wrong, or asks for what is not there yet. */
export async function runAuraed(args: readonly string[]): Promise<number> {
  if (args[0] === "pki") {
    const { runPkiCommand } = await import("../pki/command.ts");
    return runPkiCommand(args.slice(1), {
      stdout: (text) => void process.stdout.write(text),
      stderr: (text) => void process.stderr.write(text),
    });
  }
  if (args[0] === "spawn" || args.includes("--nested")) {
    return fail(
      `${args[0] === "spawn" ? "spawn" : "--nested"} is not implemented yet: it comes with instances`,
      2,
    );
  }
  let command: ReturnType<typeof parseDaemonArgs>;
  try {
    command = parseDaemonArgs(args);
  } catch (error) {
    return fail(`${messageOf(error)}; see auraed --help`, 2);
  }
  switch (command.kind) {
    case "help":
      process.stdout.write(USAGE);
      return 0;
    case "version":
      process.stdout.write(`auraed ${VERSION}\n`);
      return 0;
    case "run":
      process.stdout.write(BANNER);
      setLogLevel(command.config.verbose ? "TRACE" : "INFO");
      try {
        return await runDaemon(command.config, { pid: process.pid, env: process.env });
      } catch (error) {
        return fail(messageOf(error), 1);
      }
  }
}
