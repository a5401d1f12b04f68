/** Every change of the state of cells and executables, numbered (sequenced-log.ts). */
import type { ExitStatus } from "../../kernel/process/exit-status.ts";
import { type Sequenced, SequencedLog } from "./sequenced-log.ts";

export type EventKind =
  | "allocated"
  | "updated"
  | "frozen"
  | "thawed"
  | "freed"
  | "oom-kill"
  | "waiting"
  | "started"
  | "ready"
  | "healthy"
  | "unhealthy"
  | "exited"
  | "restarting"
  | "failed"
  | "stopping"
  | "stopped"
  | "adopted";

export interface EventInit {
  readonly kind: EventKind;
  /** The full name of a cell; empty for an executable in none. */
  readonly cell: string;
  /** Empty for an event of the cell itself. */
  readonly executable?: string;
  readonly pid?: number;
  readonly status?: ExitStatus | undefined;
  readonly detail?: string;
}

export type CellEvent = Sequenced<EventInit>;

export interface EventFilter {
  /** Events after this one; left out: those from now on. */
  readonly after?: bigint | undefined;
  /** Of this cell and those below it alone. */
  readonly cell?: string | undefined;
}

export class EventLog extends SequencedLog<EventInit> {
  /**
   * Follows the events until the signal aborts.
   * @throws {AuraeError} out_of_range when events after that number are no longer kept, resource_exhausted for a reader
   * that is too slow
   */
  read(filter: EventFilter, signal: AbortSignal): AsyncGenerator<CellEvent> {
    const isWanted = ({ cell }: EventInit): boolean =>
      filter.cell === undefined || cell === filter.cell || cell.startsWith(`${filter.cell}/`);
    return this.follow(filter.after, isWanted, signal);
  }
}
