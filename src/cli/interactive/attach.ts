/**
 * `aer cell attach`: our standard streams, connected to an executable that runs. It goes on when we leave: by the keys
 * ctrl-p ctrl-q where it has a terminal, by Ctrl-C where it has none.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import {
  type CellServiceAttachRequest,
  type CellServiceAttachRequestSchema,
  CellService,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import { CELL_FLAGS } from "../cell-exceptions.ts";
import { EXIT, exitCodeOfProcess } from "../exit-codes.ts";
import { DEFAULT_SIZE } from "./host.ts";
import {
  Interruption,
  type Input,
  Requests,
  sendSizes,
  sendTyped,
  writeOutput,
} from "./session.ts";
import type { Tool } from "./tool.ts";

type Request = MessageInitShape<typeof CellServiceAttachRequestSchema>;

const wrap = (message: Input): Request => ({ message });

export const attach: Tool = async (context) => {
  const host = await context.host();
  const hasInput = context.flag(CELL_FLAGS.noStdin) === undefined;
  using transport = await context.duplex();
  using undo = new DisposableStack();
  const requests = new Requests<Request>();
  const interruption = undo.use(new Interruption(host, ["SIGINT", "SIGTERM", "SIGHUP"]));
  requests.send(context.request as CellServiceAttachRequest);
  const answers = createClient(CellService, transport).attach(requests.channel, {
    signal: interruption.signal,
    ...(context.timeoutMs === undefined ? {} : { timeoutMs: context.timeoutMs }),
  });
  let isAttached = false;
  let code: number | undefined;
  try {
    for await (const { message } of answers) {
      if (message.case === "attached") {
        isAttached = true;
        const isRaw = message.value.terminal && host.isInputTerminal;
        if (message.value.terminal && host.size() !== undefined) {
          undo.use(sendSizes(host, requests, wrap));
          requests.send(wrap({ case: "resize", value: host.size() ?? DEFAULT_SIZE }));
        }
        if (isRaw && hasInput) {
          undo.use(await host.rawMode());
        }
        if (hasInput) {
          sendTyped(host, requests, wrap, interruption, isRaw);
        }
      } else if (message.case === "exitStatus") {
        code = exitCodeOfProcess(message.value);
      } else if (message.case === "missedBytes") {
        await context.say(`${message.value} bytes missed here`);
      } else if (message.case === "stdout" || message.case === "stderr") {
        await writeOutput(context.io, message);
      }
    }
  } catch (error) {
    if (code !== undefined) {
      return code;
    }
    if (interruption.code === undefined) {
      throw error;
    }
    undo.dispose();
    if (isAttached) {
      await context.say("detached; the executable goes on");
    }
    return interruption.code;
  }
  if (code !== undefined) {
    return code;
  }
  undo.dispose();
  await context.say("the executable has ended, and nobody saw how");
  return EXIT.failed;
};
