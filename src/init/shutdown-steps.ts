/**
 * The machine's last moments, after the daemon has stopped its workloads: ask all that is left to end, end what does
 * not, write everything to the disks, and tell the kernel. Blocks: nothing else is to happen any more.
 */
import { messageOf } from "../base/errors.ts";
import { log } from "../base/log.ts";
import { SIGKILL, SIGTERM } from "../kernel/abi/signal.ts";
import { otherPrograms, waitForEnd } from "../kernel/power/others.ts";
import { type MachineEnd, reboot, signalAll, sync } from "../kernel/power/reboot.ts";

const TERM_TIMEOUT_MS = 5_000;
const KILL_TIMEOUT_MS = 2_000;

/** What the end of a machine does to it; a test hands in one that only notes. */
export interface LastActions {
  otherPrograms(): number[];
  waitForEnd(pids: readonly number[], timeoutMs: number): number;
  signalAll(signal: number): void;
  sync(): void;
  reboot(end: MachineEnd): void;
}

export const KERNEL_ACTIONS: LastActions = { otherPrograms, waitForEnd, signalAll, sync, reboot };

function endPrograms(actions: LastActions): void {
  const asked = actions.otherPrograms();
  if (asked.length === 0) {
    return;
  }
  log.info("asking the remaining processes to end", { count: asked.length });
  actions.signalAll(SIGTERM);
  actions.waitForEnd(asked, TERM_TIMEOUT_MS);
  const left = actions.otherPrograms();
  if (left.length > 0) {
    log.warn("killing what did not end", { count: left.length });
    actions.signalAll(SIGKILL);
    actions.waitForEnd(left, KILL_TIMEOUT_MS);
  }
}

/**
 * Comes back only where the kernel refuses, or where the end takes a moment to reach this process.
 * @param undo takes back what the boot did
 */
export function endMachine(end: MachineEnd, undo: () => void, actions: LastActions): void {
  try {
    endPrograms(actions);
  } catch (error) {
    log.error("could not end the remaining processes", { error: messageOf(error) });
  }
  actions.sync();
  undo();
  actions.sync();
  log.info(end === "restart" ? "restarting the machine" : "powering the machine off");
  try {
    actions.reboot(end);
  } catch (error) {
    log.error("the kernel refuses to end the machine", { error: messageOf(error) });
  }
}
