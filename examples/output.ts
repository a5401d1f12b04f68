#!/usr/bin/env auraescript
/**
 * What executables print: as it comes, and later.
 *
 *     auraescript examples/output.ts
 */
import { cells, observe } from "aurae";

const service = new cells.CellServiceClient();
const output = new observe.ObserveServiceClient();
const cellName = "printer";
const executableName = "counter";

await service.allocate({ cell: { name: cellName } });
try {
  await service.start({
    cellName,
    executable: {
      name: executableName,
      command: "for i in 1 2 3; do echo line $i; sleep 0.2; done; echo 'and a warning' >&2",
    },
  });

  // First what is there already, then what comes, until it has ended. Lines of both streams come in order of time.
  for await (const { item } of output.getSubProcessStream({ cellName, executableName })) {
    console.log(`${item?.channel}  ${item?.line}`);
  }

  // It is kept, also when the executable, and the cell, are gone. These are the last two lines.
  await service.stop({ cellName, executableName });
  const last = output.getSubProcessStream({ cellName, executableName, tail: 2, follow: false });
  for await (const { item } of last) {
    console.log(`kept: ${item?.line}`);
  }
} finally {
  await service.free({ cellName });
}
