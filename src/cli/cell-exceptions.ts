/**
 * What the descriptors of CellService do not tell about the command line (exceptions.ts), and the commands about cells
 * that are more than one call. Their code is in interactive/ and loaded when they are run.
 */
import type { Message } from "@bufbuild/protobuf";
import { CellService, type CellServiceWaitResponse } from "../gen/aurae/cells/v0/cells_pb.ts";
import { ObserveService } from "../gen/aurae/observe/v0/observe_pb.ts";
import type {
  ExtraCommand,
  MethodException,
  MethodExceptions,
  PositionalException,
} from "./exceptions.ts";
import { exitCodeOfProcess } from "./exit-codes.ts";
import { flag } from "./flags.ts";
import { INPUT_FLAGS } from "./input-flags.ts";
import { LOG_FLAGS } from "./log-flags.ts";

const NO_CELL = { flag: "no-cell", summary: "It was started with --no-cell." };

const EXECUTABLE: readonly PositionalException[] = [
  { path: "cell_name", omittedBy: NO_CELL },
  { path: "executable_name" },
];

const PROCESS_NOTE =
  "The exit code is that of the process, or 128 and the number of the signal that ended it.";

const CELL: MethodException = { positionals: [{ path: "cell_name" }] };

/** What is to be run, as Start and Run take it. */
const EXECUTABLE_FLAGS: MethodException["flags"] = {
  "executable.command": { aliases: ["cmd"], short: "c" },
  "executable.description": { aliases: ["desc"] },
  "executable.privileges.user": { name: "user", short: "u" },
  "executable.privileges.group": { name: "group" },
  "executable.privileges.supplementary_groups": { name: "supplementary-group" },
  "executable.privileges.capabilities.names": { name: "capability" },
  "executable.privileges.no_new_privileges": { name: "no-new-privileges" },
  "executable.privileges.seccomp": { name: "seccomp" },
  "executable.env": { short: "e" },
  "executable.working_directory": { short: "w" },
  "executable.resource_limits": { name: "resource-limit", aliases: ["rlimit"] },
  "executable.restart.mode": { name: "restart" },
  "executable.readiness.mode": { name: "readiness" },
};

const COMMAND_OR_ARGS: MethodException["exactlyOne"] = {
  paths: ["executable.command", "executable.args"],
  hint: "a command line with -c, or a program and its arguments after --",
};

export const CELL_FLAGS = {
  ...INPUT_FLAGS,
  wait: flag(
    "wait",
    "Write its output until it has ended, end with its exit code (128 and the signal's number for a signal), and stop it, so that its name is free again. Ctrl-C stops it.",
  ),
  keep: flag("keep", "With --wait: leave it as it is when it has ended."),
  terminal: flag("tty", "Give it a terminal, and put ours into raw mode.", {
    short: "t",
    aliases: ["terminal"],
  }),
} as const;

export const CELL_EXCEPTIONS: MethodExceptions = {
  "aurae.cells.v0.CellService.Allocate": { positionals: [{ path: "cell.name" }] },
  "aurae.cells.v0.CellService.Free": CELL,
  "aurae.cells.v0.CellService.Start": {
    positionals: [
      {
        path: "cell_name",
        omittedBy: { flag: "no-cell", summary: "Run it beside the daemon, in no cell." },
      },
      { path: "executable.name" },
    ],
    flags: EXECUTABLE_FLAGS,
    // --wait does that, and writes the output.
    omits: ["until_ended"],
    rest: "executable.args",
    exactlyOne: COMMAND_OR_ARGS,
    extras: [CELL_FLAGS.wait, CELL_FLAGS.keep],
    tool: {
      onlyWith: CELL_FLAGS.wait,
      load: async () => (await import("./interactive/start-wait.ts")).startAndWait,
    },
  },
  "aurae.cells.v0.CellService.Run": {
    note: `What it prints is written as it comes. Ctrl-C stops it. ${PROCESS_NOTE}`,
    positionals: [{ path: "cell.name", shown: "CELL_NAME" }],
    wraps: ["cell", "executable"],
    flags: { ...EXECUTABLE_FLAGS, "executable.name": { name: "executable" } },
    rest: "executable.args",
    exactlyOne: COMMAND_OR_ARGS,
    tool: { load: async () => (await import("./interactive/run-in-cell.ts")).runInCell },
  },
  "aurae.cells.v0.CellService.Stop": { positionals: EXECUTABLE },
  "aurae.cells.v0.CellService.Update": CELL,
  "aurae.cells.v0.CellService.Freeze": CELL,
  "aurae.cells.v0.CellService.Thaw": CELL,
  "aurae.cells.v0.CellService.Status": CELL,
  "aurae.cells.v0.CellService.Wait": {
    note: PROCESS_NOTE,
    positionals: EXECUTABLE,
    exitCode: (answer: Message) =>
      exitCodeOfProcess((answer as CellServiceWaitResponse).exitStatus),
  },
  "aurae.cells.v0.CellService.Exec": {
    note: PROCESS_NOTE,
    positionals: [{ path: "start.cell_name", shown: "CELL_NAME" }],
    flags: {
      "start.env": { short: "e" },
      "start.working_directory": { short: "w" },
      "start.user": { short: "u" },
    },
    omits: [
      "start.terminal.rows",
      "start.terminal.columns",
      "stdin",
      "stdin_end",
      "resize.rows",
      "resize.columns",
      "signal",
    ],
    rest: "start.args",
    extras: [CELL_FLAGS.interactive, CELL_FLAGS.terminal],
    tool: { load: async () => (await import("./interactive/exec.ts")).exec },
  },
  "aurae.cells.v0.CellService.Attach": {
    note: `Ctrl-p ctrl-q leaves it where it has a terminal, Ctrl-C where it has none. ${PROCESS_NOTE}`,
    positionals: [
      { path: "start.cell_name", shown: "CELL_NAME", omittedBy: NO_CELL },
      { path: "start.executable_name", shown: "EXECUTABLE_NAME" },
    ],
    omits: ["stdin", "stdin_end", "resize.rows", "resize.columns"],
    extras: [CELL_FLAGS.noStdin],
    tool: { load: async () => (await import("./interactive/attach.ts")).attach },
  },
};

export const CELL_COMMANDS: readonly ExtraCommand[] = [
  {
    name: "logs",
    summary:
      "Writes the output of an executable as it is: its standard output to ours, its standard error to ours. What is no longer kept, or came too fast, is told on standard error as a number of bytes.",
    method: ObserveService.method.getSubProcessStream,
    exception: {
      positionals: EXECUTABLE,
      flags: { tail: { short: "n" } },
      omits: ["channel_type", "process_id", "since_ms", "follow", "raw", "vm_id"],
      extras: [LOG_FLAGS.follow, LOG_FLAGS.since, LOG_FLAGS.stream, LOG_FLAGS.timestamps],
      tool: { load: async () => (await import("./interactive/logs.ts")).logs },
    },
  },
  {
    name: "top",
    summary:
      "Shows what cells use, anew each second, until q is pressed. Without a terminal it writes one reading, taken over a second.",
    method: CellService.method.status,
    exception: {
      positionals: [
        { path: "cell_name", default: "", about: "A cell, with those below it. Left out: all." },
      ],
      tool: { load: async () => (await import("./interactive/top.ts")).top },
    },
  },
];
