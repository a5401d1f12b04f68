#!/usr/bin/env auraescript
/**
 * Events: every change of a cell and of what runs in it, without asking again and again.
 *
 *     auraescript examples/events.ts
 */
import { cells } from "aurae";

const service = new cells.CellServiceClient();
const cellName = "watched";

/** Writes what happens from now on, and comes back when the cell is gone. */
async function watch(): Promise<void> {
  const begin = Date.now();
  // After event 0: first all that are kept, then those that come, so that none is missed. Without it, only those that come.
  for await (const { event } of service.events({ cellName, afterSequence: 0 })) {
    // A cell of that name may have been there before.
    if (event === undefined || event.timestampMs < begin) {
      continue;
    }
    const kind = cells.CellEventKind[event.kind]?.replace("CELL_EVENT_KIND_", "").toLowerCase();
    console.log(`${event.executableName || "the cell"}: ${kind}`);
    if (event.kind === cells.CellEventKind.FREED) {
      // Leaving the loop ends the stream.
      return;
    }
  }
}

const watching = watch();
await service.allocate({ cell: { name: cellName } });
await service.start({
  cellName,
  executable: {
    name: "worker",
    command: "exit 3",
    // Tried three times in all, and then given up.
    restart: { mode: cells.RestartMode.ON_FAILURE, backoffMs: 10, startLimit: 3 },
  },
});
await service.wait({ cellName, executableName: "worker" });
await service.free({ cellName });
await watching;
