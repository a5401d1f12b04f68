/**
 * The two-way streams of CellService: a process that runs for its caller (Exec), and being connected to an executable
 * (Attach). What the caller sends goes to the process while what the process prints comes back.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { AuraeError, badField, messageOf } from "../../base/errors.ts";
import { Channel } from "../../base/channel.ts";
import { log } from "../../base/log.ts";
import { CellName } from "../../domain/cells/cell-name.ts";
import type { Cells } from "../../domain/cells/cells.ts";
import type { ExecSpec } from "../../domain/cells/exec.ts";
import type { Ending } from "../../domain/executables/ending.ts";
import { executableName } from "../../domain/executables/executable-name.ts";
import type { Executable } from "../../domain/executables/executable.ts";
import { readChunks } from "../../domain/executables/read-chunks.ts";
import type {
  CellService,
  CellServiceAttachRequest,
  CellServiceAttachResponseSchema,
  CellServiceExecRequest,
  CellServiceExecResponseSchema,
  ExecStart,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import { closeOnAbort, firstOf, LiveOutput } from "../two-way.ts";
import { cellNameFromProto } from "./convert.ts";
import { directoryFrom, environmentFrom, exitStatusToProto } from "./executables.ts";

/** How many pieces of output may wait for a caller. A process run by Exec waits then; an executable never does. */
const MAX_WAITING_CHUNKS = 16;
const MAX_WAITING_ATTACHED = 64;

type Process = NonNullable<Executable["process"]>;
type ExecAnswer = MessageInitShape<typeof CellServiceExecResponseSchema>;
type AttachAnswer = MessageInitShape<typeof CellServiceAttachResponseSchema>;
type Input = (CellServiceExecRequest | CellServiceAttachRequest)["message"];

function execSpecFrom(start: ExecStart): ExecSpec {
  const [program, ...rest] = start.args;
  const { terminal, user, group } = start;
  if (program === undefined || program === "" || start.args.some((arg) => arg.includes("\0"))) {
    throw badField("start.args", "name a program, and have no NUL character");
  }
  return {
    args: [program, ...rest],
    env: environmentFrom("start.env", start.env),
    cwd: directoryFrom("start.working_directory", start.workingDirectory),
    privileges: {
      user: user === "" ? undefined : user,
      group: group === "" ? undefined : group,
    },
    terminal: terminal && { rows: terminal.rows, columns: terminal.columns },
  };
}

/**
 * Does what one message asks for.
 * @param process undefined between two lives of an executable, when nobody is there to take it
 * @param signal ends the wait for a process that does not read
 * @returns false for one that may not come here
 */
async function apply(
  input: Input,
  process: Process | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  switch (input.case) {
    case "stdin":
      if (process !== undefined && process.stdin === undefined) {
        throw new AuraeError("failed_precondition", "the executable has no standard input");
      }
      await process?.stdin?.write(input.value, signal);
      return true;
    case "stdinEnd":
      process?.stdin?.end();
      return true;
    case "resize":
      process?.resize(input.value);
      return true;
    case "signal":
      process?.signalGroup(input.value);
      return true;
    default:
      return false;
  }
}

/** Hands on what the caller sends. Resolves when the caller has sent all. */
async function take(
  requests: AsyncIterator<{ readonly message: Input }>,
  processNow: () => Process | undefined,
  signal: AbortSignal,
): Promise<void> {
  for (let next = await requests.next(); next.done !== true; next = await requests.next()) {
    try {
      if (!(await apply(next.value.message, processNow(), signal))) {
        throw badField("message", "not expected here");
      }
    } catch (error) {
      // EPIPE, EIO: the process reads no more, which is its right.
      if (error instanceof AuraeError) {
        throw error;
      }
      log.trace("input was not taken", { cause: messageOf(error) });
    }
  }
}

async function pump(
  process: Process,
  stream: "stdout" | "stderr",
  answers: Channel<ExecAnswer>,
): Promise<void> {
  for await (const value of readChunks(process[stream])) {
    if (!(await answers.push({ message: { case: stream, value } }))) {
      return;
    }
  }
}

/** How it ended, as the last answer; nothing where nobody knows. */
async function pushExit(
  answers: Channel<ExecAnswer> | Channel<AttachAnswer>,
  status: Ending["status"],
): Promise<void> {
  if (status !== undefined) {
    await answers.push({ message: { case: "exitStatus", value: exitStatusToProto(status) } });
  }
}

async function* exec(
  cells: Cells,
  requests: AsyncIterator<CellServiceExecRequest>,
  { signal }: HandlerContext,
): AsyncGenerator<ExecAnswer> {
  const { value: start } = await firstOf(requests);
  const session = cells.exec(CellName.parse(start.cellName), execSpecFrom(start));
  const { process } = session;
  const answers = new Channel<ExecAnswer>(MAX_WAITING_CHUNKS);
  try {
    // Comes off before the session is closed.
    using _closing = closeOnAbort(answers, signal);
    const { namespacePid, pid } = process;
    yield { message: { case: "started", value: { pid: namespacePid, hostPid: pid } } };
    take(requests, () => process, signal)
      // Who can send no more has no more input; a terminal ends with its caller.
      .then(() => (start.terminal === undefined ? process.stdin?.end() : undefined))
      .catch((error: unknown) => answers.close(error));
    const output = Promise.all([
      pump(process, "stdout", answers),
      pump(process, "stderr", answers),
    ]);
    output.catch((error: unknown) => answers.close(error));
    void process.exited
      .then(async ({ status }) => {
        await session.drained(output);
        await pushExit(answers, status);
        answers.close();
      })
      .catch((error: unknown) => answers.close(error));
    yield* answers;
  } finally {
    await session.close();
  }
}

async function* attach(
  cells: Cells,
  requests: AsyncIterator<CellServiceAttachRequest>,
  { signal }: HandlerContext,
): AsyncGenerator<AttachAnswer> {
  const { value: start } = await firstOf(requests);
  const executables = cells.executablesOf(cellNameFromProto(start.cellName));
  const executable = executables.find(executableName(start.executableName));
  const { process } = executable;
  if (process === undefined) {
    throw new AuraeError(
      "failed_precondition",
      `executable '${start.executableName}' does not run`,
    );
  }
  const answers = new Channel<AttachAnswer>(MAX_WAITING_ATTACHED);
  using _closing = closeOnAbort(answers, signal);
  // GetSubProcessStream has what is missed here, too.
  const output = new LiveOutput(answers);
  using _tap = executables.outputOf(executable.spec.name)?.tap((stream, value) => {
    output.offer({ message: { case: stream, value } }, value.length);
  });
  const terminal = executable.spec.stdin === "terminal";
  yield { message: { case: "attached", value: { terminal } } };
  take(requests, () => executable.process, signal).catch((error: unknown) => answers.close(error));
  executable
    .wait(signal)
    .then(async ({ status }) => {
      await executable.drained();
      await output.pushMissed();
      await pushExit(answers, status);
      answers.close();
    })
    .catch((error: unknown) => answers.close(error));
  yield* answers;
}

export function createStreams(
  cells: Cells,
): Pick<ServiceImpl<typeof CellService>, "exec" | "attach"> {
  return {
    exec: (requests, context) => exec(cells, requests[Symbol.asyncIterator](), context),
    attach: (requests, context) => attach(cells, requests[Symbol.asyncIterator](), context),
  };
}
