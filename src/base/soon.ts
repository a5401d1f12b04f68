/** Resolves when the work has settled, or after a while, in milliseconds, where it takes longer. Never rejects. */
export async function settledSoon(work: Promise<unknown>, ms: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work.catch(() => undefined), late]);
  clearTimeout(timer);
}
