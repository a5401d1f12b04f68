/**
 * `aer cell start --wait`: starts an executable, writes its output until it has ended, and ends with its exit code. It
 * is stopped then, so that its name is free again, and by Ctrl-C as well.
 */
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import {
  CellService,
  type CellServiceStartRequest,
  type CellServiceWaitResponse,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import { CELL_FLAGS } from "../cell-exceptions.ts";
import { EXIT, exitCodeOfProcess } from "../exit-codes.ts";
import { UsageError } from "../usage-error.ts";
import { drained, followOutput, type Name } from "./follow-output.ts";
import { Interruption } from "./session.ts";
import type { Tool, ToolContext } from "./tool.ts";

export const startAndWait: Tool = async (context) => {
  if (context.output !== "table") {
    throw new UsageError("--wait writes what the executable does, so there is no --output for it");
  }
  const request = context.request as CellServiceStartRequest;
  const host = await context.host();
  // A kill or a hang-up is as Ctrl-C is: nobody waits for it any more.
  using interruption = new Interruption(host, ["SIGTERM", "SIGHUP"]);
  const signal = AbortSignal.any([context.io.signal, interruption.signal]);
  const cells = createClient(CellService, context.transport);
  await cells.start(request, {
    signal,
    ...(context.timeoutMs === undefined ? {} : { timeoutMs: context.timeoutMs }),
  });
  const name: Name = {
    executableName: request.executable?.name ?? "",
    ...(request.cellName === undefined ? {} : { cellName: request.cellName }),
  };
  const over = new AbortController();
  const waiting = AbortSignal.any([signal, over.signal]);
  const gone = Promise.withResolvers<never>();
  gone.promise.catch(() => undefined);
  const output = followOutput(context, name, over.signal, gone.reject);
  try {
    const ending = await Promise.race([waitFor(context, name, waiting), gone.promise]);
    await drained(output);
    if (ending.oomKilled) {
      await context.say("killed for want of memory");
    }
    await stop(context, name, context.flag(CELL_FLAGS.keep) !== undefined);
    return exitCodeOfProcess(ending.exitStatus);
  } catch (error) {
    await stop(context, name, ConnectError.from(error).code === Code.Unavailable).catch(
      (reason: unknown) => context.say(`stop it: ${ConnectError.from(reason).rawMessage}`),
    );
    await drained(output);
    if (signal.aborted) {
      return interruption.code ?? EXIT.interrupted;
    }
    throw error;
  } finally {
    over.abort();
  }
};

async function waitFor(
  context: ToolContext,
  name: Name,
  signal: AbortSignal,
): Promise<CellServiceWaitResponse> {
  return await createClient(CellService, context.transport).wait(name, {
    signal,
    ...(context.timeoutMs === undefined ? {} : { timeoutMs: context.timeoutMs }),
  });
}

/** Ctrl-C ends waiting, not this. */
async function stop({ transport }: ToolContext, name: Name, isKept: boolean): Promise<void> {
  if (isKept) {
    return;
  }
  try {
    await createClient(CellService, transport).stop(name);
  } catch (error) {
    // Somebody else was quicker.
    if (ConnectError.from(error).code !== Code.NotFound) {
      throw error;
    }
  }
}
