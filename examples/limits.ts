#!/usr/bin/env auraescript
/**
 * Limits: how much of the machine a cell may have, changed while it runs, and what happens at the limit.
 *
 *     auraescript examples/limits.ts
 */
import { cells } from "aurae";

const MIB = 1024 * 1024;
const service = new cells.CellServiceClient();
const cellName = "small";

await service.allocate({
  cell: {
    name: cellName,
    // 64 MiB of memory, and no swap space besides.
    memory: { max: 64 * MIB, swapMax: 0 },
    // Half of one processor: 50 ms in each period of 100 ms.
    cpu: { max: 50_000, period: 100_000 },
    // At most 20 processes.
    pids: { max: 20 },
  },
});
try {
  // This wants 200 MiB, at once. With `args` there is no shell between.
  await service.start({
    cellName,
    executable: {
      name: "greedy",
      args: ["dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1"],
    },
  });
  const greedy = { cellName, executableName: "greedy" };
  const { exitStatus, oomKilled } = await service.wait(greedy);
  console.log(`greedy was ended by signal ${exitStatus?.signal}, out of memory: ${oomKilled}`);
  await service.stop(greedy);

  // More, while the cell goes on. What is left out stays as it is.
  await service.update({ cellName, memory: { max: 128 * MIB } });
  const { cell } = await service.status({ cellName });
  console.log(`memory: ${Number(cell?.memory?.max) / MIB} MiB`);
  console.log(`processor: ${cell?.cpu?.max} of ${cell?.cpu?.period} microseconds`);
  console.log(`processes: ${cell?.pids?.max}`);
} finally {
  await service.free({ cellName });
}
