/**
 * How many requests one connection may bring. Bun refuses HTTP/2 streams by those that are open, which is not enough: it
 * hands over all that a read brought, thousands of requests, and each may be answered before the next is looked at,
 * while nobody else gets a turn. So here all count that came in one turn of the event loop, and over HTTP/1.1 those in
 * flight, too. Bun counts what is refused, here as well, and ends a session that goes on all the same.
 */
export class RequestBudget {
  readonly #max: number;
  #inThisTurn = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Whether one more request may begin. */
  admit(inFlight: number): boolean {
    if (inFlight >= this.#max || this.#inThisTurn >= this.#max) {
      return false;
    }
    if (this.#inThisTurn === 0) {
      setImmediate(() => {
        this.#inThisTurn = 0;
      });
    }
    this.#inThisTurn += 1;
    return true;
  }
}
