/**
 * `aer cell exec`: a process in a cell with our standard streams, and with our terminal if asked for. Ends with the exit
 * code of the process.
 */
import { constants } from "node:os";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import {
  type CellServiceExecRequest,
  type CellServiceExecRequestSchema,
  CellService,
  type ExecStart,
  ExecStartSchema,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import { TerminalSizeSchema } from "../../gen/aurae/cells/v0/executables_pb.ts";
import { CELL_FLAGS } from "../cell-exceptions.ts";
import { EXIT, exitCodeOfProcess } from "../exit-codes.ts";
import { UsageError } from "../usage-error.ts";
import { DEFAULT_SIZE, type Host } from "./host.ts";
import {
  Interruption,
  type Input,
  Requests,
  sendInput,
  sendSizes,
  writeOutput,
} from "./session.ts";
import type { Tool, ToolContext } from "./tool.ts";

type Request = MessageInitShape<typeof CellServiceExecRequestSchema>;

const wrap = (message: Input): Request => ({ message });

export const exec: Tool = async (context) => {
  const host = await context.host();
  const hasInput = context.flag(CELL_FLAGS.interactive) !== undefined;
  const hasTerminal = context.flag(CELL_FLAGS.terminal) !== undefined;
  if (hasTerminal && !host.isInputTerminal) {
    throw new UsageError("-t: standard input is no terminal; leave -t out");
  }
  // Without input, the keys stay ours: Ctrl-C has to reach somebody.
  const isRaw = hasTerminal && hasInput;
  using transport = await context.duplex();
  using undo = new DisposableStack();
  const requests = new Requests<Request>();
  // A terminal that was hung up, or somebody's kill: the process goes with us, as the daemon ends it with the stream.
  const interruption = undo.use(new Interruption(host, isRaw ? ["SIGTERM", "SIGHUP"] : ["SIGHUP"]));
  requests.send({ message: { case: "start", value: startFrom(context, host, hasTerminal) } });
  const answers = createClient(CellService, transport).exec(requests.channel, {
    signal: AbortSignal.any([interruption.signal, context.io.signal]),
    ...(context.timeoutMs === undefined ? {} : { timeoutMs: context.timeoutMs }),
  });
  let code: number | undefined;
  try {
    for await (const { message } of answers) {
      if (message.case === "started") {
        // Not before: until it runs, Ctrl-C is for us.
        if (hasTerminal) {
          undo.use(sendSizes(host, requests, wrap));
        }
        undo.use(isRaw ? await host.rawMode() : forwardSignals(host, requests));
        if (hasInput) {
          sendInput(host, requests, wrap).catch((error: unknown) => requests.channel.close(error));
        } else if (!hasTerminal) {
          // As from /dev/null.
          requests.send(wrap({ case: "stdinEnd", value: true }));
        }
      } else if (message.case === "exitStatus") {
        code = exitCodeOfProcess(message.value);
      } else if (message.case === "stdout" || message.case === "stderr") {
        await writeOutput(context.io, message);
      }
    }
  } catch (error) {
    code ??= interruption.code;
    if (code === undefined) {
      throw error;
    }
  }
  if (code !== undefined) {
    return code;
  }
  undo.dispose();
  await context.say("the process has ended, and nobody saw how");
  return EXIT.failed;
};

function startFrom({ request }: ToolContext, host: Host, hasTerminal: boolean): ExecStart {
  const { message } = request as CellServiceExecRequest;
  const start = message.case === "start" ? message.value : create(ExecStartSchema);
  if (!hasTerminal) {
    return start;
  }
  const { rows, columns } = host.size() ?? DEFAULT_SIZE;
  start.terminal = create(TerminalSizeSchema, { rows, columns });
  return start;
}

/** Without raw mode, Ctrl-C is a signal to us, and meant for the process. */
function forwardSignals(host: Host, requests: Requests<Request>): Disposable {
  return host.onSignals(["SIGINT", "SIGTERM"], (name) => {
    requests.send({ message: { case: "signal", value: constants.signals[name] } });
  });
}
