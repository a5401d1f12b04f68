/** The output of an executable that somebody waits for: written to ours as it comes, and not waited for without end. */
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { ObserveService } from "../../gen/aurae/observe/v0/observe_pb.ts";
import { OutputWriter } from "./logs.ts";
import type { ToolContext } from "./tool.ts";

/** How long output may go on after the end: something else may hold the pipe, and need not ever let go. */
const DRAIN_MS = 2_000;

/** Between two looks for one that is not there yet. */
const RETRY_MS = 25;

export interface Name {
  readonly cellName?: string;
  readonly executableName: string;
}

/**
 * Never rejects: an executable whose output can't be read runs all the same.
 *
 * @param onGone told when nobody reads ours
 * @param mayCome whether one that is not there yet may still be started; nothing tells when it is
 */
export async function followOutput(
  context: ToolContext,
  name: Name,
  signal: AbortSignal,
  onGone: (error: unknown) => void,
  mayCome: () => boolean = () => false,
): Promise<void> {
  for (;;) {
    // Asked before the look: one that comes and goes in between is seen by the next look.
    const isLast = !mayCome();
    try {
      await writeOutput(context, name, signal);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EPIPE") {
        onGone(error);
        return;
      }
      const { code, rawMessage } = ConnectError.from(error);
      if (isLast || code !== Code.NotFound) {
        if (!signal.aborted) {
          await context.say(`its output can't be shown: ${rawMessage}`).catch(() => undefined);
        }
        return;
      }
    }
    await Bun.sleep(RETRY_MS);
  }
}

async function writeOutput(context: ToolContext, name: Name, signal: AbortSignal): Promise<void> {
  const writer = new OutputWriter(context.io, context.say);
  const request = { ...name, cellName: name.cellName ?? "", raw: true, follow: true };
  const observe = createClient(ObserveService, context.transport);
  for await (const answer of observe.getSubProcessStream(request, { signal })) {
    await writer.write(answer);
  }
}

export async function drained(output: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, DRAIN_MS);
  });
  await Promise.race([output, late]);
  clearTimeout(timer);
}
