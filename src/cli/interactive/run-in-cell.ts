/**
 * `aer cell run`: runs an executable in a cell of its own, writes its output as it comes, and ends with its exit code. The
 * daemon frees the cell, also where we are killed.
 */
import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import {
  CellService,
  type CellServiceRunRequest,
  CellServiceRunResponseSchema,
  ExecutableSchema,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import { EXIT, exitCodeOfProcess } from "../exit-codes.ts";
import { answerRenderer } from "../render/answers.ts";
import { PLAIN } from "../render/style.ts";
import { drained, followOutput } from "./follow-output.ts";
import { Interruption } from "./session.ts";
import type { Tool } from "./tool.ts";

export const runInCell: Tool = async (context) => {
  const { io, output, timeoutMs } = context;
  const request = context.request as CellServiceRunRequest;
  const executable = request.executable ?? create(ExecutableSchema);
  request.executable = executable;
  // A name that nobody has had, so that the output is this one's alone.
  executable.name ||= `run-${crypto.randomUUID().slice(0, 8)}`;
  const host = await context.host();
  using interruption = new Interruption(host, ["SIGTERM", "SIGHUP"]);
  const signal = AbortSignal.any([io.signal, interruption.signal]);
  const over = new AbortController();
  const gone = Promise.withResolvers<never>();
  gone.promise.catch(() => undefined);
  const name = { cellName: request.cell?.name ?? "", executableName: executable.name };
  let isRunning = true;
  try {
    const answer = createClient(CellService, context.transport).run(request, {
      signal: AbortSignal.any([signal, over.signal]),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    const followed =
      output === "table"
        ? followOutput(context, name, over.signal, gone.reject, () => isRunning)
        : Promise.resolve();
    const ended = answer.finally(() => {
      isRunning = false;
    });
    const ending = await Promise.race([ended, gone.promise]);
    await drained(followed);
    if (output === "json") {
      const render = await answerRenderer(CellServiceRunResponseSchema);
      await io.stdout(render(ending, { output, isStream: false, style: PLAIN }));
    } else if (ending.oomKilled) {
      await context.say("killed for want of memory");
    }
    return exitCodeOfProcess(ending.exitStatus);
  } catch (error) {
    if (signal.aborted) {
      return interruption.code ?? EXIT.interrupted;
    }
    throw error;
  } finally {
    over.abort();
  }
};
