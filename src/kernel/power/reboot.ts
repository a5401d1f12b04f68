/**
 * The end of the machine: reboot(2), and signals to all that runs. Nothing here asks whether that is meant: only
 * src/init, which knows that this process is the machine's init, may call it.
 */
import { ERRNO } from "../abi/errno.ts";
import {
  LINUX_REBOOT_CMD_POWER_OFF,
  LINUX_REBOOT_CMD_RESTART,
  LINUX_REBOOT_MAGIC1,
  LINUX_REBOOT_MAGIC2,
} from "../abi/reboot.ts";
import { SyscallError } from "../sys/error.ts";
import { syscall, syscallRaw } from "../sys/syscall.ts";

export type MachineEnd = "power-off" | "restart";

const COMMANDS: Readonly<Record<MachineEnd, number>> = {
  "power-off": LINUX_REBOOT_CMD_POWER_OFF,
  restart: LINUX_REBOOT_CMD_RESTART,
};

/**
 * Ends the machine on the spot. Does not come back where it succeeds; in a pid namespace it ends the namespace.
 * @throws {SyscallError} EPERM without CAP_SYS_BOOT
 */
export function reboot(end: MachineEnd): void {
  syscall("reboot", end, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, COMMANDS[end], null);
}

/** Writes all that is cached to the disks and waits for it. */
export function sync(): void {
  syscallRaw("sync");
}

/** kill(2) of -1: every process of this pid namespace but its PID 1 and this one. */
export function signalAll(signal: number): void {
  const result = syscallRaw("kill", -1, signal);
  if (result < 0 && result !== -ERRNO.ESRCH) {
    throw new SyscallError("kill", -result, `all with signal ${signal}`);
  }
}
