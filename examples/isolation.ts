#!/usr/bin/env auraescript
/**
 * What a cell sees of the machine. By default, everything; isolated, itself alone.
 *
 *     auraescript examples/isolation.ts
 */
import { cells, observe } from "aurae";

const service = new cells.CellServiceClient();
const output = new observe.ObserveServiceClient();

/** Runs a command in a cell to its end, and answers with what it printed. */
async function run(cellName: string, command: string): Promise<string> {
  const name = { cellName, executableName: "look" };
  await service.start({ cellName, executable: { name: "look", command } });
  await service.wait(name);
  let text = "";
  for await (const { item } of output.getSubProcessStream({ ...name, follow: false })) {
    text += `${item?.line}\n`;
  }
  await service.stop(name);
  return text.trim();
}

await service.allocate({ cell: { name: "open" } });
// Processes of their own, and with them mounts, a host name, and a network with nothing but lo.
await service.allocate({ cell: { name: "closed", isolateProcess: true, isolateNetwork: true } });
try {
  for (const cell of ["open", "closed"]) {
    const processes = await run(cell, "ls /proc | grep -c '^[0-9]'");
    const cards = await run(cell, "grep -c eth0 /proc/net/dev");
    console.log(`${cell}: called ${await run(cell, "hostname")}`);
    console.log(`${cell}: sees ${Number(processes) < 10 ? "few" : "many"} processes`);
    console.log(`${cell}: ${cards === "0" ? "has no network card" : "has the network card"}`);
  }
} finally {
  await service.free({ cellName: "closed" });
  await service.free({ cellName: "open" });
}
