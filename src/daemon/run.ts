/** One life of the daemon: boot the machine where it is its init, run, and end. */
import type { DaemonConfig } from "./config.ts";
import { Daemon, type Host, roleOf } from "./daemon.ts";
import { ShutdownRequest } from "./shutdown.ts";

/** Resolves when the daemon was told to end and has. @throws {Error} with a message for people */
export async function runDaemon(config: DaemonConfig, host: Host): Promise<void> {
  const role = roleOf(config, host);
  const shutdown = new ShutdownRequest();
  shutdown.listen(role === "pid1");
  const daemon = await Daemon.start(config, role, host, undefined);
  await shutdown.requested;
  await daemon.stop();
}
