/** `auraed vmm`: the monitor of one virtual machine. The daemon starts it, and nobody else has a use for it. */
import { messageOf } from "../base/errors.ts";
import { hasControlSocket, runVmm } from "../vmm/process/run-vmm.ts";

const USAGE =
  "auraed vmm is the monitor of one virtual machine, and the daemon starts it: it needs its control socket as descriptor 3";

/** 2: it was not started by the daemon; else see the exit codes of `vmm/protocol/messages.ts`. */
export function runVmmCommand(args: readonly string[]): number {
  if (args.length > 0 || !hasControlSocket()) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  try {
    return runVmm();
  } catch (error) {
    process.stderr.write(`auraed vmm: ${messageOf(error)}\n`);
    return 1;
  }
}
