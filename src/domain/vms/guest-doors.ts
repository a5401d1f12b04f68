/**
 * The door by which a guest that runs auraed asks its host what is its own: after a restore from a snapshot, that is
 * another machine's. Implemented over vsock; for tests, in memory.
 */
import type { MonitorRecord } from "./monitors.ts";
import type { GuestSite } from "./sites.ts";

export interface GuestDoors {
  /**
   * Answers a machine's guest until it is disposed of. What can't be is logged: a guest does without.
   * @param site what the guest is to be given if it asks
   */
  open(id: string, monitor: MonitorRecord, site: GuestSite): Disposable;
}
