/** `auraed vmm` from its start to its end: the control socket, and a machine that comes by it. */
import { ControlServer } from "./control-server.ts";
import { Monitor } from "./monitor.ts";

/** The descriptors that the process starts with, beside those that the configuration names. 4 is the daemon's end. */
export const VMM_FDS = { consoleFd: 1, serialFd: 2, controlFd: 3, daemonFd: 4 } as const;

/** @returns the process's exit code, when everything of the guest's has ended */
export function runVmm(): number {
  const monitor = new Monitor(VMM_FDS);
  return new ControlServer(VMM_FDS.controlFd, monitor).run();
}
