#!/usr/bin/env auraescript
/**
 * Say what is to be there, and have it so. Applying the same again does nothing; a change is made where it is.
 *
 *     auraescript examples/apply.ts              does it
 *     auraescript examples/apply.ts --dry-run    writes what it would do
 */
import { apply, cells, type Desired } from "aurae";

/** A description is plain data, in the names of the API. Since this is a program, it can be computed. */
function site(version: string): Desired {
  return {
    cells: [
      {
        name: "site",
        pids: { max: 100 },
        executables: [
          { name: "db", command: `echo db ${version}; exec sleep 1000` },
          { name: "web", command: "exec sleep 1000", requires: ["db"] },
        ],
        // A cell in the cell; `workers` is `site/workers`.
        cells: [
          {
            name: "workers",
            executables: ["one", "two"].map((name) => ({ name, command: "exec sleep 1000" })),
          },
        ],
      },
    ],
  };
}

// With --dry-run, the plan is written by apply itself, and nothing is done.
const isDryRun = process.argv.includes("--dry-run");
const first = await apply(site("1.0"));
if (!isDryRun) {
  console.log(`first:\n${first}`);
  console.log(`again:\n${await apply(site("1.0"))}`);

  // Another version of the database: it is restarted, and so is what requires it.
  console.log(`changed:\n${await apply(site("2.0"))}`);

  // What is not described is left alone, unless it is to be pruned.
  const less: Desired = { cells: [{ name: "site", pids: { max: 100 } }] };
  console.log(`less:\n${await apply(less)}`);
  console.log(`pruned:\n${await apply(less, { prune: true })}`);

  await new cells.CellServiceClient().free({ cellName: "site" });
}
