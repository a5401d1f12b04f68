/** What ends the daemon: signals, and requests of the API. The first reason wins. */
import type { MachineControl } from "../service/machine/handler.ts";

/** `terminate` ends the daemon alone; the others end the machine, where the daemon is its init. */
export type ShutdownReason = "terminate" | "power-off" | "reboot";

export class ShutdownRequest {
  readonly #requested = Promise.withResolvers<ShutdownReason>();

  get requested(): Promise<ShutdownReason> {
    return this.#requested.promise;
  }

  request(reason: ShutdownReason): void {
    this.#requested.resolve(reason);
  }

  /** For MachineService: answers at once, so that the caller hears of it before the server closes. */
  get control(): MachineControl {
    return {
      powerOff: async () => this.request("power-off"),
      reboot: async () => this.request("reboot"),
    };
  }

  /**
   * Listens for signals. For the machine's init SIGTERM and SIGINT mean power off and, as the kernel sends it for
   * Ctrl-Alt-Del, reboot. Elsewhere they end the daemon in order, as do SIGHUP and SIGQUIT, which come from its terminal:
   * its executables must not outlive it unseen. What else would end a process by default does nothing.
   */
  listen(isInit: boolean): void {
    process.on("SIGTERM", () => this.request(isInit ? "power-off" : "terminate"));
    process.on("SIGINT", () => this.request(isInit ? "reboot" : "terminate"));
    for (const signal of ["SIGHUP", "SIGQUIT"] as const) {
      process.on(signal, () => (isInit ? undefined : this.request("terminate")));
    }
    for (const signal of ["SIGUSR1", "SIGUSR2", "SIGALRM"] as const) {
      process.on(signal, () => undefined);
    }
  }
}
