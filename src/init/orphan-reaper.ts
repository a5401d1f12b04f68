/**
 * Where auraed itself is PID 1, orphans become its children: this reaps them whenever a child ends. It never waits
 * for a child that another part of the daemon waits for.
 */
import { messageOf } from "../base/errors.ts";
import { log } from "../base/log.ts";
import { reapOrphans } from "../kernel/process/orphans.ts";

/** The part that owns a child reaps it at the same SIGCHLD; by then it has had this many turns of the loop. */
const MAX_TURNS = 16;

export class OrphanReaper implements Disposable {
  readonly #isOwnChild: (pid: number) => boolean;
  readonly #onSigchld = (): void => this.#look(MAX_TURNS);

  /** @param isOwnChild whether another part waits for this process */
  constructor(isOwnChild: (pid: number) => boolean) {
    this.#isOwnChild = isOwnChild;
    process.on("SIGCHLD", this.#onSigchld);
    this.#look(MAX_TURNS);
  }

  #look(turns: number): void {
    try {
      // An own child that nobody has reaped yet hides the orphans behind it.
      if (reapOrphans(this.#isOwnChild) === "blocked" && turns > 0) {
        setImmediate(() => this.#look(turns - 1));
      }
    } catch (error) {
      log.error("could not reap orphans", { error: messageOf(error) });
    }
  }

  [Symbol.dispose](): void {
    process.off("SIGCHLD", this.#onSigchld);
  }
}
