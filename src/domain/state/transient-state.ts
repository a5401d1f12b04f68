/**
 * The state of a cell that goes with its caller: a successor of this daemon removes it whole, so what is in it need not be
 * kept. What holds for the whole boot is.
 */
import type { StateStore } from "./state-store.ts";

export function transientState(state: StateStore): StateStore {
  const nothing = (): void => undefined;
  return {
    load: () => state.load(),
    saveCell: (record) => state.saveCell(record),
    removeCell: (name) => state.removeCell(name),
    removeCells: (names) => state.removeCells(names),
    saveExecutable: nothing,
    removeExecutable: nothing,
    claimOnce: (cell, executable) => state.claimOnce(cell, executable),
    claims: () => state.claims(),
    disclaimOnce: (cell, executable) => state.disclaimOnce(cell, executable),
    reserveEvents: (upTo) => state.reserveEvents(upTo),
  };
}
