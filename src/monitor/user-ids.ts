/**
 * A user id for each virtual machine, which is its group id, too. From a range that nobody assigns: systemd's table of
 * user ids has 1879048192 to 2147483647 as unused (UIDS-GIDS.md), above what containers get. Picked at random, so that what
 * a machine before may have left behind belongs to nobody that comes soon.
 */
import type { Accounts } from "../kernel/process/accounts.ts";

export const FIRST_VM_UID = 0x7000_0000;
export const VM_UID_COUNT = 0x1000_0000;
/** Of so many ids, one that is taken has to be met often before something else is wrong. */
const MAX_ATTEMPTS = 100;

export class UserIds {
  readonly #accounts: Accounts;
  readonly #random: (below: number) => number;
  readonly #used = new Set<number>();

  constructor(
    accounts: Accounts,
    random = (below: number) => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) % below,
  ) {
    this.#accounts = accounts;
    this.#random = random;
  }

  /** An id that no machine that runs has, and no account, until it is given back. */
  take(): number {
    for (let i = 0; i < MAX_ATTEMPTS; i++) {
      const uid = FIRST_VM_UID + this.#random(VM_UID_COUNT);
      if (!this.#used.has(uid) && this.#accounts.user(String(uid))?.gid === undefined) {
        this.#used.add(uid);
        return uid;
      }
    }
    throw new Error(`no free user id from ${FIRST_VM_UID} on`);
  }

  /** One that a machine has which an earlier daemon started. */
  claim(uid: number): void {
    this.#used.add(uid);
  }

  giveBack(uid: number): void {
    this.#used.delete(uid);
  }
}
