/**
 * ObserveService: the output of executables and the daemon's own log, as streams. Signals are not there yet, and say so.
 * Readers only: nothing here holds up who writes.
 */
import type { ServiceImpl } from "@connectrpc/connect";
import { AuraeError } from "../../base/errors.ts";
import type { LogRing } from "../../base/log-ring.ts";
import type { OutputSource, OutputSources } from "../../domain/output/sources.ts";
import {
  type GetSubProcessStreamRequest,
  ObserveService,
} from "../../gen/aurae/observe/v0/observe_pb.ts";
import { unimplemented } from "../unimplemented.ts";
import { logToProto, rawToProto, streamsFromProto } from "./convert.ts";
import { linesOf } from "./lines.ts";
import { type OutputName, outputNameFromProto } from "./validate.ts";

/** @throws {AuraeError} not_found */
function sourceOf(sources: OutputSources, name: OutputName): OutputSource {
  const source =
    name.kind === "pid" ? sources.byPid(name.pid) : sources.byName(name.cell, name.executable);
  if (source !== undefined) {
    return source;
  }
  if (name.kind === "pid") {
    throw new AuraeError("not_found", `Failed to find any registered channels for ${name.pid}`, {
      resource: `${name.pid}`,
    });
  }
  const where = name.cell === undefined ? "outside of cells" : `in cell '${name.cell}'`;
  throw new AuraeError(
    "not_found",
    `Failed to find any registered channels for executable '${name.executable}' ${where}`,
    { resource: name.executable },
  );
}

function chunksOf(source: OutputSource, request: GetSubProcessStreamRequest, signal: AbortSignal) {
  return source.read({
    streams: streamsFromProto(request.channelType),
    sinceMs: request.sinceMs === undefined ? undefined : Number(request.sinceMs),
    tail: request.tail,
    follow: request.follow ?? true,
    forLines: !request.raw,
    signal,
  });
}

export function createObserveService(
  sources: OutputSources,
  log: LogRing,
): ServiceImpl<typeof ObserveService> {
  return {
    async *getAuraeDaemonLogStream(_, { signal }) {
      for await (const line of log.read(signal)) {
        yield* logToProto(line);
      }
    },

    async *getSubProcessStream(request, { signal }) {
      const source = sourceOf(sources, outputNameFromProto(request));
      const chunks = chunksOf(source, request, signal);
      if (!request.raw) {
        yield* linesOf(source.executable, chunks);
        return;
      }
      for await (const chunk of chunks) {
        yield rawToProto(chunk);
      }
    },

    getPosixSignalsStream: unimplemented(ObserveService.method.getPosixSignalsStream),
  };
}
