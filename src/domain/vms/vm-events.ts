/** Every change of the state of virtual machines, numbered (events/sequenced-log.ts). */
import { type Sequenced, SequencedLog } from "../events/sequenced-log.ts";
import type { VmEnding } from "./vm-record.ts";

export type VmEventKind =
  | "allocated"
  | "started"
  | "paused"
  | "resumed"
  | "updated"
  | "snapshot"
  | "stopping"
  | "ended"
  | "freed"
  | "adopted";

export interface VmEventInit {
  readonly kind: VmEventKind;
  readonly vm: string;
  /** Of its monitor. */
  readonly pid?: number;
  readonly ending?: VmEnding;
  readonly detail?: string;
}

export type VmEvent = Sequenced<VmEventInit>;

export class VmEventLog extends SequencedLog<VmEventInit> {
  /**
   * @param vm whose events alone; undefined: of all
   * @throws {AuraeError} as {@link SequencedLog.follow}
   */
  read(
    after: bigint | undefined,
    vm: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<VmEvent> {
    return this.follow(after, (event) => vm === undefined || event.vm === vm, signal);
  }
}
