/**
 * What the exit code of `aer` says. The table of the help and of the documentation is made from this one.
 */
import { Code } from "@connectrpc/connect";
import type { ExitStatus } from "../gen/aurae/cells/v0/cells_pb.ts";

export interface ExitCode {
  readonly code: number;
  readonly meaning: string;
}

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  interrupted: 130,
  brokenPipe: 141,
} as const;

export const EXIT_CODES: readonly ExitCode[] = [
  { code: EXIT.ok, meaning: "it was done" },
  { code: EXIT.failed, meaning: "any other failure; `health check`: not SERVING" },
  { code: EXIT.usage, meaning: "the command line or the configuration makes no sense" },
  { code: 3, meaning: "not found" },
  { code: 4, meaning: "already exists" },
  { code: 5, meaning: "invalid argument" },
  { code: 6, meaning: "failed precondition, or aborted" },
  { code: 7, meaning: "permission denied, or unauthenticated" },
  { code: 8, meaning: "unavailable: no connection to a daemon that can be trusted" },
  { code: 9, meaning: "deadline exceeded" },
  { code: 10, meaning: "unimplemented" },
  { code: 11, meaning: "resource exhausted" },
  { code: EXIT.interrupted, meaning: "interrupted (Ctrl-C)" },
  { code: EXIT.brokenPipe, meaning: "nobody reads our output any more" },
];

/** What the table does not hold: commands that end as a process did. */
export const PROCESS_EXIT =
  'cell exec, cell attach, cell wait and cell start --wait end with the exit code of the process: 128 and the number of the signal, where one ended it; 1 where nobody saw how it ended. Where a code is of aer\'s own, standard error has a line that begins with "aer:".';

/** How a process ended, as shells write it: its exit code, or 128 and the number of its signal. */
export function exitCodeOfProcess(status: ExitStatus | undefined): number {
  switch (status?.outcome.case) {
    case "exitCode":
      return status.outcome.value & 0xff;
    case "signal":
      return (128 + status.outcome.value) & 0xff;
    default:
      return EXIT.failed;
  }
}

/** The exit code for the status a call ended with. */
export function exitCodeFor(code: Code): number {
  switch (code) {
    case Code.NotFound:
      return 3;
    case Code.AlreadyExists:
      return 4;
    case Code.InvalidArgument:
    case Code.OutOfRange:
      return 5;
    case Code.FailedPrecondition:
    case Code.Aborted:
      return 6;
    case Code.PermissionDenied:
    case Code.Unauthenticated:
      return 7;
    case Code.Unavailable:
      return 8;
    case Code.DeadlineExceeded:
      return 9;
    case Code.Unimplemented:
      return 10;
    case Code.ResourceExhausted:
      return 11;
    default:
      return EXIT.failed;
  }
}
