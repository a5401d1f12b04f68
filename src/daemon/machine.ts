/** The machine as the daemon sees it where it is its init. */
import type { MachineControl } from "../service/machine/handler.ts";

export interface Machine {
  readonly control: MachineControl;
  reapOrphans(isOwnChild: (pid: number) => boolean): void;
}
