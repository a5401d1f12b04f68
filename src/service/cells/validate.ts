/** What the rules in the proto can't say of a request to CellService. */
import { AuraeError } from "../../base/errors.ts";
import type { Cell } from "../../gen/aurae/cells/v0/cells_pb.ts";

/** Namespaces come with a later version; a cell that asks for them must not get less than it asked for. */
export function refuseIsolation(cell: Cell): void {
  const asked = [
    ...(cell.isolateProcess ? ["cell.isolate_process"] : []),
    ...(cell.isolateNetwork ? ["cell.isolate_network"] : []),
  ];
  if (asked.length > 0) {
    throw new AuraeError(
      "unimplemented",
      `${asked.join(" and ")}: cells with namespaces of their own are not implemented yet; leave ${asked.length === 1 ? "it" : "them"} out`,
      { resource: cell.name },
    );
  }
}
