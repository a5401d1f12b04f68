#!/usr/bin/env auraescript
/**
 * Health: whether a service of the daemon works, asked once, and watched.
 *
 *     auraescript examples/health.ts
 */
import { health } from "aurae";

const service = new health.HealthClient();
const text = (status: health.HealthCheckResponse_ServingStatus): string | undefined =>
  health.HealthCheckResponse_ServingStatus[status];

// An empty name is the daemon as a whole. Virtual machines are not there yet, and not called healthy.
for (const name of ["", "aurae.cells.v0.CellService", "aurae.vms.v0.VmService"]) {
  const { status } = await service.check({ service: name });
  console.log(`${name === "" ? "auraed" : name}: ${text(status)}`);
}

// Watch tells the state now, and every change of it. One answer is enough here; leaving the loop ends the stream.
for await (const { status } of service.watch({ service: "" })) {
  console.log(`watched: ${text(status)}`);
  break;
}
