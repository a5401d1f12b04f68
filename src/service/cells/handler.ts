/** CellService: from messages to the domain's cells and back. */
import type { ServiceImpl } from "@connectrpc/connect";
import type { Cells } from "../../domain/cells/cells.ts";
import { CellName } from "../../domain/cells/cell-name.ts";
import { executableName } from "../../domain/executables/executable-name.ts";
import type { CellService } from "../../gen/aurae/cells/v0/cells_pb.ts";
import {
  cellGraphToProto,
  cellNameFromProto,
  cellSpecFromProto,
  executableSpecFromProto,
  exitStatusToProto,
  present,
} from "./convert.ts";
import { refuseIsolation } from "./validate.ts";

/** @param ids what an executable runs as that names no user or group */
export function createCellService(
  cells: Cells,
  ids: { readonly uid: number; readonly gid: number },
): ServiceImpl<typeof CellService> {
  return {
    allocate(request) {
      const cell = present(request.cell, "cell");
      refuseIsolation(cell);
      const { name } = cells.allocate(cellSpecFromProto(cell));
      return { cellName: `${name}`, cgroupV2: true };
    },

    async free(request) {
      await cells.free(CellName.parse(request.cellName));
      return {};
    },

    start(request) {
      const spec = executableSpecFromProto(request);
      const { pid } = cells.start(cellNameFromProto(request.cellName), spec);
      return { pid, uid: spec.uid ?? ids.uid, gid: spec.gid ?? ids.gid };
    },

    async stop(request) {
      const status = await cells.stop(
        cellNameFromProto(request.cellName),
        executableName(request.executableName),
      );
      return status === undefined ? {} : { exitStatus: exitStatusToProto(status) };
    },

    list() {
      return { cells: cells.roots.map(cellGraphToProto) };
    },
  };
}
