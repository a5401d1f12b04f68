/** MachineService: ends and restarts the machine, where auraed is its init. */
import type { ServiceImpl } from "@connectrpc/connect";
import { AuraeError } from "../../base/errors.ts";
import type { MachineService } from "../../gen/aurae/machine/v0/machine_pb.ts";

/** What the init of a machine can do to it. Both resolve once the end is under way, not when it is there. */
export interface MachineControl {
  powerOff(): Promise<void>;
  reboot(): Promise<void>;
}

/** @param machine undefined where auraed is not the machine's init */
export function createMachineHandler(
  machine: MachineControl | undefined,
): ServiceImpl<typeof MachineService> {
  const control = (): MachineControl => {
    if (machine === undefined) {
      throw new AuraeError(
        "failed_precondition",
        "auraed is not this machine's init; ask the init that runs, for example with systemctl poweroff",
      );
    }
    return machine;
  };
  return {
    async powerOff() {
      await control().powerOff();
      return {};
    },
    async reboot() {
      await control().reboot();
      return {};
    },
  };
}
