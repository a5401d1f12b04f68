#!/usr/bin/env auraescript
/**
 * The life of a cell: allocate it, run something in it, look at it, and put it away again.
 *
 *     auraescript examples/cells.ts
 */
import { cells } from "aurae";

// Without arguments it calls the daemon of your configuration, as aer does.
const service = new cells.CellServiceClient();

// A cell is a named group of processes. It costs next to nothing while nothing runs in it.
await service.allocate({ cell: { name: "hello" } });
try {
  // An executable is a command with a name.
  const { hostPid } = await service.start({
    cellName: "hello",
    executable: { name: "sleeper", command: "sleep 1000", description: "does nothing, for long" },
  });
  console.log(`started sleeper as process ${hostPid}`);

  const { cells: trees } = await service.list({});
  for (const { cell, executables } of trees) {
    console.log(`cell ${cell?.name} has ${executables.map(({ name }) => name).join(", ")}`);
  }

  // Stop asks it to end, and tells how it did. 15 is SIGTERM.
  const { exitStatus } = await service.stop({ cellName: "hello", executableName: "sleeper" });
  console.log(`sleeper was ended by signal ${exitStatus?.signal}`);
} finally {
  // Free ends whatever is still in the cell, and removes it.
  await service.free({ cellName: "hello" });
  console.log("the cell is gone");
}
