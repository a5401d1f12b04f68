/** One life of the daemon: boot the machine where it is its init, run, and end. */
import { messageOf } from "../base/errors.ts";
import { log } from "../base/log.ts";
import type { DaemonConfig } from "./config.ts";
import { Daemon, type Host, roleOf } from "./daemon.ts";
import { ShutdownRequest } from "./shutdown.ts";

/**
 * Resolves when the daemon was told to end and has.
 * @returns the exit code: 0, or what asks init to end the machine in our place
 * @throws {Error} with a message for people
 */
export async function runDaemon(config: DaemonConfig, host: Host): Promise<number> {
  const role = roleOf(config, host);
  const shutdown = new ShutdownRequest();
  shutdown.listen(role === "pid1");
  if (role !== "pid1") {
    const daemon = await Daemon.start(config, role, host, undefined);
    await shutdown.requested;
    await daemon.stop();
    return 0;
  }
  const { bootMachine } = await import("../init/machine.ts");
  using machine = bootMachine({ onPowerButton: () => shutdown.request("power-off") });
  const daemon = await Daemon.start(config, role, host, {
    control: shutdown.control,
    reapOrphans: (isOwnChild) => machine.reapOrphans(isOwnChild),
  });
  const reason = await shutdown.requested;
  try {
    await daemon.stop();
  } catch (error) {
    // Whatever it was: a machine that was told to end ends.
    log.error("the daemon did not stop in order", { error: messageOf(error) });
  }
  return reason === "reboot" ? machine.reboot() : machine.powerOff();
}
