/**
 * `fuzz`: gives everything that reads what a guest, a monitor or a stranger has written as many random inputs as one has
 * time for. The tests have the short form of it.
 */
import { BuildError } from "./error.ts";
import { ffiCommand } from "./ffi.ts";

const DEFAULT_COUNT = 1_000_000;
const DEFAULT_SEED = 1;
/** Of one call of a target, after which there is a line. */
const CHUNK = 250_000;

function whole(text: string | undefined, what: string, otherwise: number): number {
  const value = Number(text ?? otherwise);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new BuildError(`${what} "${text}" is not a whole number from 1 on`);
  }
  return value;
}

/** @throws {BuildError} for what is no target or number @throws {Error} of an input that broke a rule, with its seed */
export async function fuzzCommand(args: readonly string[]): Promise<void> {
  const [name = "all", ...numbers] = args;
  const count = whole(numbers[0], "the count", DEFAULT_COUNT);
  const seed = whole(numbers[1], "the seed", DEFAULT_SEED);
  await ffiCommand([]);
  const { TARGETS } = await import("../test/fuzz/targets.ts");
  if (numbers.length > 2 || (name !== "all" && !Object.hasOwn(TARGETS, name))) {
    const targets = Object.entries(TARGETS).map(([one, { summary }]) => `  ${one}: ${summary}`);
    throw new BuildError(["fuzz [TARGET | all] [COUNT] [SEED]; targets:", ...targets].join("\n"));
  }
  for (const [one, target] of Object.entries(TARGETS)) {
    if (name !== "all" && name !== one) {
      continue;
    }
    const sums: Record<string, number> = {};
    const startMs = performance.now();
    for (let done = 0; done < count; done += CHUNK) {
      const counts = await target.run(Math.min(CHUNK, count - done), seed + done);
      for (const [outcome, times] of Object.entries(counts)) {
        sums[outcome] = (sums[outcome] ?? 0) + times;
      }
    }
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    const outcomes = Object.entries(sums).map(([outcome, times]) => `${outcome} ${times}`);
    console.log(
      `${one}: ${count} inputs from seed ${seed} in ${seconds} s: ${outcomes.join(", ")}`,
    );
  }
}
