/**
 * The table of commands. Each one's module is loaded when it is called, so that a command neither pays for the others
 * nor fails with them.
 */
import { BuildError } from "./error.ts";

interface Command {
  readonly usage: string;
  readonly summary: string;
  readonly run: (args: readonly string[]) => Promise<unknown>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  start: {
    usage: "start [--port N]",
    summary: "set up, build, and run the daemon in the foreground with a PKI of its own",
    run: async (args) => (await import("./start.ts")).startCommand(args),
  },
  test: {
    usage: "test [TIER | FILE]... [-t NAME]",
    summary: "set up, check, build, and run every tier of tests, or some",
    run: async (args) => (await import("./test.ts")).testCommand(args),
  },
  check: {
    usage: "check [NAME]...",
    summary: "types, format, lint, protos, and generated code",
    run: async (args) => (await import("./check.ts")).checkCommand(args),
  },
  build: {
    usage: "build",
    summary: "ffi, bundle, npm and man",
    run: async (args) => (await import("./bundle.ts")).buildCommand(args),
  },
  ffi: {
    usage: "ffi",
    summary: "compile ffi/*.c to dist/ffi",
    run: async (args) => (await import("./ffi.ts")).ffiCommand(args),
  },
  bundle: {
    usage: "bundle",
    summary: "make the executable dist/auraed, and its links aer and auraescript",
    run: async (args) => (await import("./bundle.ts")).bundleCommand(args),
  },
  npm: {
    usage: "npm",
    summary: "make dist/npm/aurae, the library as a package for Node and Bun",
    run: async (args) => (await import("./npm.ts")).npmCommand(args),
  },
  man: {
    usage: "man",
    summary: "make the manual pages, dist/man",
    run: async () => (await import("./man/man.ts")).manCommand(),
  },
  gen: {
    usage: "gen [--allow-breaking]",
    summary: "generate src/gen, help, docs/stdlib/v0 and proto/lock.binpb from proto/",
    run: async (args) => (await import("./gen.ts")).genCommand(args),
  },
  initramfs: {
    usage: "initramfs [--kernel-modules DIR] [--site DIR]",
    summary: "make dist/initramfs.cpio.zst, or the archive of one machine's own files",
    run: async (args) => (await import("./initramfs.ts")).initramfsCommand(args),
  },
  vm: {
    usage: "vm [--port N] [--memory MIB] [--cpus N] [--kvm] [-- WORD...]",
    summary: "boot the initramfs in QEMU, with a console",
    run: async (args) => (await import("./vm.ts")).vmCommand(args),
  },
  fuzz: {
    usage: "fuzz [TARGET | all] [COUNT] [SEED]",
    summary:
      "give everything that reads what a guest or a stranger wrote random inputs, 1,000,000 each",
    run: async (args) => (await import("./fuzz.ts")).fuzzCommand(args),
  },
  bench: {
    usage: "bench [--readme | NAME...]",
    summary: "run the benchmarks of test/bench and print their numbers, into the README as well",
    run: async (args) => (await import("./bench.ts")).benchCommand(args),
  },
};

function help(): string {
  const entries = Object.values(COMMANDS);
  const width = Math.max(...entries.map(({ usage }) => usage.length));
  const lines = entries.map(({ usage, summary }) => `  ${usage.padEnd(width)}  ${summary}`);
  return ["usage: bun build.ts <command> [argument]...", "", ...lines].join("\n");
}

/** What parseArgs says of arguments that a command does not take. */
function isArgumentError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && `${error.code}`.startsWith("ERR_PARSE_ARGS");
}

/** Runs the command that the arguments name. @throws {BuildError} for one that does not exist, or takes others */
export async function runCommand(argv: readonly string[]): Promise<void> {
  const [name = "help", ...args] = argv;
  if (name === "help" || name === "--help" || name === "-h") {
    console.log(help());
    return;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    throw new BuildError(`no command "${name}"\n${help()}`);
  }
  try {
    await command.run(args);
  } catch (cause) {
    throw isArgumentError(cause)
      ? new BuildError(`${cause.message}\nusage: bun build.ts ${command.usage}`, { cause })
      : cause;
  }
}
