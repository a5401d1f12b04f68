#!/usr/bin/env auraescript
/**
 * Cells in cells: what a cell may use is shared by all that is in it, however deep, and they go with it.
 *
 *     auraescript examples/nested-cells.ts
 */
import { cells } from "aurae";

const service = new cells.CellServiceClient();

// Names are paths. A parent comes before its children.
await service.allocate({ cell: { name: "shop", pids: { max: 50 } } });
try {
  for (const name of ["shop/web", "shop/db", "shop/db/backup"]) {
    await service.allocate({ cell: { name } });
    await service.start({ cellName: name, executable: { name: "work", command: "sleep 1000" } });
  }

  /** Writes a cell and all below it, each a little further to the right. */
  const show = ({ cell, children, executables }: cells.CellGraphNode, indent = ""): void => {
    console.log(`${indent}${cell?.name}: ${executables.length} running`);
    for (const child of children) {
      show(child, `${indent}  `);
    }
  };
  const { cells: roots } = await service.list({});
  for (const root of roots) {
    show(root);
  }

  // The parent's usage is that of all cells in it.
  const { usage } = await service.status({ cellName: "shop" });
  console.log(`shop has ${usage?.processes} of 50 processes`);
} finally {
  await service.free({ cellName: "shop" });
  console.log("shop is gone, with all that was in it");
}
