/** `auraed vmm` from its start to its end: the control socket, and a machine that comes by it. */
import { fstatSync } from "node:fs";
import { VMM_FDS } from "../protocol/machine-config.ts";
import { ControlServer } from "./control-server.ts";
import { Monitor } from "./monitor.ts";

/** @returns the process's exit code, when everything of the guest's has ended */
export function runVmm(): number {
  const monitor = new Monitor(VMM_FDS);
  return new ControlServer(VMM_FDS.controlFd, monitor).run();
}

/** Whether the process was started by a daemon. */
export function hasControlSocket(): boolean {
  try {
    return fstatSync(VMM_FDS.controlFd).isSocket();
  } catch {
    return false; // EBADF
  }
}
