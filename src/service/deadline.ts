/**
 * Answers a unary call as soon as its deadline has passed. Connect only tells handlers, by a signal, and those of ours
 * that wait for the kernel can't stop half-way: what they have begun goes on, and nobody waits for it.
 */
import type { Interceptor } from "@connectrpc/connect";

/** Settles as the work does, or rejects with the signal's reason if that comes first. */
function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abandon = () => reject(signal.reason);
    signal.addEventListener("abort", abandon);
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abandon));
  });
}

/** Goes around the mapping of errors, so that what a call fails with that nobody waits for still reaches the log. */
export const deadlineInterceptor: Interceptor = (next) => async (request) => {
  if (request.stream) {
    return next(request);
  }
  request.signal.throwIfAborted();
  return untilAborted(request.signal, next(request));
};
