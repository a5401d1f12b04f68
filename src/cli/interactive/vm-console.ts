/**
 * `aer vm console` and `aer vm attach`: our standard streams, connected to a port of a virtual machine. It goes on when we
 * leave: by the keys ctrl-p ctrl-q where our terminal is in raw mode, by Ctrl-C where it is not.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import {
  VmService,
  type VmServiceAttachRequest,
  type VmServiceAttachRequestSchema,
} from "../../gen/aurae/vms/v0/vms_pb.ts";
import { EXIT } from "../exit-codes.ts";
import { endText } from "../render/vm-answers.ts";
import { UsageError } from "../usage-error.ts";
import { exitCodeOfEnd, VM_FLAGS } from "../vm-exceptions.ts";
import { DEFAULT_SIZE, type Host } from "./host.ts";
import { type Input, Interruption, Requests, sendSizes, sendTyped } from "./session.ts";
import type { Tool, ToolContext } from "./tool.ts";

type Request = MessageInitShape<typeof VmServiceAttachRequestSchema>;

/** What both protocols share, in the words of this one. A machine's input has no end. */
function wrap(input: Input): Request {
  switch (input.case) {
    case "stdin":
      return { message: { case: "input", value: input.value as Uint8Array<ArrayBuffer> } };
    case "stdinEnd":
      return { message: { case: "input", value: new Uint8Array(0) } };
    case "resize":
      return { message: { case: "resize", value: input.value } };
  }
}

/** Whether input is sent, and whether our terminal is in raw mode. `attach` does what makes sense by itself. */
function modeOf({ flag }: ToolContext, host: Host): { hasInput: boolean; isRaw: boolean } {
  const isInteractive = flag(VM_FLAGS.interactive) !== undefined;
  const hasTerminal = flag(VM_FLAGS.terminal) !== undefined;
  if (hasTerminal && !host.isInputTerminal) {
    throw new UsageError("-t: standard input is no terminal; leave -t out");
  }
  return { hasInput: isInteractive, isRaw: hasTerminal && isInteractive };
}

function attachModeOf({ flag }: ToolContext, host: Host): { hasInput: boolean; isRaw: boolean } {
  const hasInput = flag(VM_FLAGS.noStdin) === undefined;
  return { hasInput, isRaw: hasInput && host.isInputTerminal };
}

const createConsole =
  (mode: typeof modeOf): Tool =>
  async (context) => {
    const host = await context.host();
    const { hasInput, isRaw } = mode(context, host);
    using transport = await context.duplex();
    using undo = new DisposableStack();
    const requests = new Requests<Request>();
    const interruption = undo.use(new Interruption(host, ["SIGINT", "SIGTERM", "SIGHUP"]));
    requests.send(context.request as VmServiceAttachRequest);
    const answers = createClient(VmService, transport).attach(requests.channel, {
      signal: interruption.signal,
      ...(context.timeoutMs === undefined ? {} : { timeoutMs: context.timeoutMs }),
    });
    let isAttached = false;
    try {
      for await (const { message } of answers) {
        if (message.case === "attached") {
          isAttached = true;
          if (isRaw) {
            undo.use(sendSizes(host, requests, wrap));
            requests.send(wrap({ case: "resize", value: host.size() ?? DEFAULT_SIZE }));
            undo.use(await host.rawMode());
          }
          if (hasInput) {
            sendTyped(host, requests, wrap, interruption, isRaw);
          }
        } else if (message.case === "output") {
          await context.io.stdout(message.value);
        } else if (message.case === "missedBytes") {
          await context.say(`${message.value} bytes missed here`);
        } else if (message.case === "end") {
          undo.dispose();
          await context.say(`the vm has ended: ${endText(message.value)}`);
          return exitCodeOfEnd(message.value.kind);
        }
      }
    } catch (error) {
      if (interruption.code === undefined) {
        throw error;
      }
      undo.dispose();
      if (isAttached) {
        await context.say("detached; the vm goes on");
      }
      return interruption.code;
    }
    undo.dispose();
    await context.say("the connection has ended; whether the vm has, nobody said");
    return EXIT.failed;
  };

/** `aer vm console`: looks on, unless told otherwise. */
export const vmConsole: Tool = createConsole(modeOf);

/** `aer vm attach`: takes what is typed, unless told otherwise. */
export const vmAttach: Tool = createConsole(attachModeOf);
