/** CellService: from messages to the domain's cells and back. */
import type { ServiceImpl } from "@connectrpc/connect";
import type { Cells } from "../../domain/cells/cells.ts";
import { CellName } from "../../domain/cells/cell-name.ts";
import type { StopPolicy } from "../../domain/executables/executable-spec.ts";
import { run } from "../../domain/cells/run.ts";
import { executableName } from "../../domain/executables/executable-name.ts";
import type { CellService, CellServiceStopRequest } from "../../gen/aurae/cells/v0/cells_pb.ts";
import { present } from "../present.ts";
import {
  cellGraphToProto,
  cellNameFromProto,
  cellSpecFromProto,
  cellToProto,
  eventToProto,
  executablesToProto,
} from "./convert.ts";
import { executableWithDefinition } from "./definitions.ts";
import { endingToProto, executableSpecFrom } from "./executables.ts";
import { limitsFromProto, pressureToProto, usageToProto } from "./limits.ts";
import { createStreams } from "./streams.ts";

function stopPolicyFrom({ signal, gracePeriodMs }: CellServiceStopRequest): Partial<StopPolicy> {
  return {
    ...(signal === undefined ? {} : { signal }),
    ...(gracePeriodMs === undefined ? {} : { graceMs: gracePeriodMs }),
  };
}

/** @param ids what an executable runs as that names no user or group */
export function createCellService(
  cells: Cells,
  ids: { readonly uid: number; readonly gid: number },
): ServiceImpl<typeof CellService> {
  return {
    ...createStreams(cells),

    allocate(request) {
      const { name } = cells.allocate(cellSpecFromProto(present(request.cell, "cell")));
      return { cellName: `${name}`, cgroupV2: true };
    },

    async free(request) {
      await cells.free(CellName.parse(request.cellName));
      return {};
    },

    async start(request, context) {
      const spec = executableSpecFrom(present(request.executable, "executable"), request);
      const started = cells.start(cellNameFromProto(request.cellName), spec);
      const { uid, gid } = started.credentials;
      const ending = request.untilEnded ? await started.wait(context.signal) : undefined;
      return {
        ...(ending === undefined ? {} : { ended: endingToProto(ending) }),
        pid: started.namespacePid,
        hostPid: started.pid,
        uid: uid ?? ids.uid,
        gid: gid ?? ids.gid,
      };
    },

    async stop(request) {
      const ending = await cells.stop(
        cellNameFromProto(request.cellName),
        executableName(request.executableName),
        stopPolicyFrom(request),
      );
      const { exitStatus, oomKilled } = endingToProto(ending);
      return {
        ...(exitStatus === undefined ? {} : { exitStatus }),
        ...(oomKilled === undefined ? {} : { oomKilled }),
      };
    },

    list() {
      return {
        cells: cells.roots.map((cell) => cellGraphToProto(cell)),
        executables: executablesToProto(cells.outside),
      };
    },

    inspect() {
      return {
        cells: cells.roots.map((cell) => cellGraphToProto(cell, executableWithDefinition)),
        executables: executablesToProto(cells.outside, executableWithDefinition),
        startedOnce: cells.startedOnce.map((it) => ({
          cellName: it.cell,
          executableName: it.executable,
        })),
      };
    },

    update(request) {
      const cell = cells.update(CellName.parse(request.cellName), limitsFromProto(request));
      return { cell: cellToProto(cell.spec) };
    },

    async freeze(request) {
      await cells.freeze(CellName.parse(request.cellName));
      return {};
    },

    async thaw(request) {
      await cells.thaw(CellName.parse(request.cellName));
      return {};
    },

    status(request) {
      const { cell, status } = cells.status(CellName.parse(request.cellName));
      return {
        cell: cellToProto(cell.spec, status.limits),
        frozen: status.frozen,
        usage: usageToProto(status.usage),
        pressure: pressureToProto(status.pressure),
        executables: executablesToProto(cell.executables),
      };
    },

    async run(request, context) {
      const { pid, namespacePid, ending } = await run(
        cells,
        cellSpecFromProto(present(request.cell, "cell")),
        executableSpecFrom(present(request.executable, "executable"), request),
        context.signal,
      );
      return { ...endingToProto(ending), pid: namespacePid, hostPid: pid };
    },

    async wait(request, context) {
      const executables = cells.executablesOf(cellNameFromProto(request.cellName));
      const executable = executables.find(executableName(request.executableName));
      return endingToProto(await executable.wait(context.signal));
    },

    async *events(request, context) {
      const filter = {
        after: request.afterSequence,
        cell: request.cellName === undefined ? undefined : `${CellName.parse(request.cellName)}`,
      };
      for await (const event of cells.events.read(filter, context.signal)) {
        yield { event: eventToProto(event) };
      }
    },
  };
}
