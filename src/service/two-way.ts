/**
 * What the two-way streams of the services have in common: how they begin, that they end with their caller, and output
 * that is shown as it comes. What is done with what the caller sends is each one's own.
 */
import type { Channel } from "../base/channel.ts";
import { badField } from "../base/errors.ts";

interface MissedAnswer {
  readonly message: { readonly case: "missedBytes"; readonly value: bigint };
}

/** The first message of a stream. @throws {AuraeError} invalid_argument if it is no start */
export async function firstOf<M extends { readonly case: string | undefined }>(
  requests: AsyncIterator<{ readonly message: M }>,
): Promise<M & { readonly case: "start" }> {
  const first = await requests.next();
  const message = first.done === true ? undefined : first.value.message;
  if (message?.case !== "start") {
    throw badField("start", "has to be the first message of the stream");
  }
  return message as M & { readonly case: "start" };
}

/** Ends the answers once the caller is gone, as long as this is not disposed of. */
export function closeOnAbort(
  answers: Pick<Channel<never>, "close">,
  signal: AbortSignal,
): Disposable {
  const onAbort = (): void => answers.close();
  signal.addEventListener("abort", onAbort, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", onAbort) };
}

/** Answers with output whose writer never waits: a reader that is too slow misses some, and hears how much. */
export class LiveOutput<Answer> {
  readonly #answers: Channel<Answer | MissedAnswer>;
  #missedBytes = 0;

  constructor(answers: Channel<Answer | MissedAnswer>) {
    this.#answers = answers;
  }

  /** @param bytes how many there are in the answer */
  offer(answer: Answer, bytes: number): void {
    if (this.#missedBytes > 0 && this.#answers.offer(this.#missed)) {
      this.#missedBytes = 0;
    }
    if (this.#missedBytes > 0 || !this.#answers.offer(answer)) {
      this.#missedBytes += bytes;
    }
  }

  /** Says at the end how much was missed, if any was, once there is room. */
  async pushMissed(): Promise<void> {
    if (this.#missedBytes > 0) {
      const answer = this.#missed;
      // Who holds a pipe open may still print meanwhile: nothing is told twice.
      this.#missedBytes = 0;
      await this.#answers.push(answer);
    }
  }

  get #missed(): MissedAnswer {
    return { message: { case: "missedBytes", value: BigInt(this.#missedBytes) } };
  }
}
