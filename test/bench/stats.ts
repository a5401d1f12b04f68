/** Figures of samples, as the benchmarks print them. */

export interface Figures {
  readonly count: number;
  readonly min: number;
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

/** @throws {RangeError} without samples */
export function figuresOf(samples: readonly number[]): Figures {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share: number): number => {
    const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
    if (value === undefined) {
      throw new RangeError("no samples");
    }
    return value;
  };
  return { count: sorted.length, min: at(0), median: at(0.5), p99: at(0.99), max: at(1) };
}

function printed(value: number): string {
  return value >= 1000 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(3);
}

/** One line: what, its unit, and its spread. */
export function printFigures(what: string, unit: string, samples: readonly number[]): void {
  const { count, min, median, p99, max } = figuresOf(samples);
  console.log(
    `  ${what.padEnd(58)} median ${printed(median).padStart(8)} ${unit.padEnd(4)} least ${printed(min)}, p99 ${printed(p99)}, most ${printed(max)}, n=${count}`,
  );
}

/** One line: a single value. */
export function printValue(what: string, unit: string, value: number, remark = ""): void {
  console.log(
    `  ${what.padEnd(58)}        ${printed(value).padStart(8)} ${unit.padEnd(4)} ${remark}`.trimEnd(),
  );
}
