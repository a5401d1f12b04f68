/**
 * ObserveService: the output of executables and virtual machines and the daemon's own log, as streams. Signals are not there yet, and say so.
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
import {
  type Channels,
  EXECUTABLE_CHANNELS,
  logToProto,
  rawToProto,
  streamsFromProto,
  VM_CHANNELS,
} from "./convert.ts";
import { linesOf } from "./lines.ts";
import { type OutputName, outputNameFromProto } from "./validate.ts";

function findSource(sources: OutputSources, name: OutputName): OutputSource | undefined {
  switch (name.kind) {
    case "pid":
      return sources.byPid(name.pid);
    case "name":
      return sources.byName(name.cell, name.executable);
    case "vm":
      return sources.byVm(name.vm);
  }
}

/** @throws {AuraeError} not_found */
function sourceOf(sources: OutputSources, name: OutputName): OutputSource {
  const source = findSource(sources, name);
  if (source !== undefined) {
    return source;
  }
  const [what, resource] = described(name);
  throw new AuraeError("not_found", `Failed to find any registered channels for ${what}`, {
    resource,
  });
}

function described(name: OutputName): readonly [what: string, resource: string] {
  switch (name.kind) {
    case "pid":
      return [`${name.pid}`, `${name.pid}`];
    case "vm":
      return [`vm '${name.vm}'; it was never started, or its output is no longer kept`, name.vm];
    case "name": {
      const where = name.cell === undefined ? "outside of cells" : `in cell '${name.cell}'`;
      return [`executable '${name.executable}' ${where}`, name.executable];
    }
  }
}

function chunksOf(
  source: OutputSource,
  channels: Channels,
  request: GetSubProcessStreamRequest,
  signal: AbortSignal,
) {
  return source.read({
    streams: streamsFromProto(channels, request.channelType),
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
      const name = outputNameFromProto(request);
      const channels = name.kind === "vm" ? VM_CHANNELS : EXECUTABLE_CHANNELS;
      const source = sourceOf(sources, name);
      const chunks = chunksOf(source, channels, request, signal);
      if (!request.raw) {
        yield* linesOf(channels, source.executable, chunks);
        return;
      }
      for await (const chunk of chunks) {
        yield rawToProto(channels, chunk);
      }
    },

    getPosixSignalsStream: unimplemented(ObserveService.method.getPosixSignalsStream),
  };
}
