/** Writing programs of classic BPF for seccomp(2): instructions, decisions by ranges of a number, labels (bpf(4)). */
import {
  BPF_ABS,
  BPF_ALU,
  BPF_AND,
  BPF_JA,
  BPF_JGE,
  BPF_JMP,
  BPF_K,
  BPF_LD,
  BPF_RET,
  BPF_W,
  SOCK_FILTER,
} from "../abi/filter.ts";

export interface Instruction {
  readonly code: number;
  readonly jt?: number;
  readonly jf?: number;
  readonly k: number;
  /** Goes on there. */
  readonly label?: string;
}

/** From a number up to the next range's: what to return, or the name of the block of instructions that decides. */
export interface Range {
  readonly from: number;
  readonly outcome: number | string;
}

/** A conditional jump skips this many instructions at most. */
const MAX_SKIP = 255;

export const load = (offset: number): Instruction => ({
  code: BPF_LD | BPF_W | BPF_ABS,
  k: offset,
});
export const ret = (value: number): Instruction => ({ code: BPF_RET | BPF_K, k: value });
export const and = (mask: number): Instruction => ({ code: BPF_ALU | BPF_AND | BPF_K, k: mask });
export const jumpIf = (test: number, k: number, jt: number, jf: number): Instruction => ({
  code: BPF_JMP | test | BPF_K,
  jt,
  jf,
  k,
});
const goTo = (label: string): Instruction => ({ code: BPF_JMP | BPF_JA, k: 0, label });

/** Runs `then`, which returns, where the test holds for what is loaded, and what follows where not. */
export function when(test: number, k: number, then: readonly Instruction[]): Instruction[] {
  return [jumpIf(test, k, 0, then.length), ...then];
}

function tree(ranges: readonly Range[]): Instruction[] {
  const [first] = ranges;
  if (first === undefined) {
    throw new RangeError("no range to decide by");
  }
  if (ranges.length === 1) {
    const { outcome } = first;
    return [typeof outcome === "string" ? goTo(outcome) : ret(outcome)];
  }
  const middle = ranges.length >> 1;
  const below = tree(ranges.slice(0, middle));
  if (below.length > MAX_SKIP) {
    throw new RangeError(`a decision between ${ranges.length} ranges`);
  }
  const from = ranges[middle]?.from ?? 0;
  return [jumpIf(BPF_JGE, from, below.length, 0), ...below, ...tree(ranges.slice(middle))];
}

/** Decides what is loaded by binary search among ranges, in ascending order. */
export function decide(ranges: readonly Range[]): Instruction[] {
  return tree(ranges.filter(({ outcome }, i) => i === 0 || ranges[i - 1]?.outcome !== outcome));
}

/** The program as `struct sock_filter[]`; the blocks follow it. */
export function assemble(
  program: readonly Instruction[],
  blocks: Readonly<Record<string, readonly Instruction[]>>,
): Uint8Array {
  const all = [...program];
  const labels = new Map<string, number>();
  for (const [name, instructions] of Object.entries(blocks)) {
    labels.set(name, all.length);
    all.push(...instructions);
  }
  const bytes = new Uint8Array(all.length * SOCK_FILTER.size);
  all.forEach(({ code, jt = 0, jf = 0, k, label }, at) => {
    const target = label === undefined ? undefined : labels.get(label);
    if (label !== undefined && target === undefined) {
      throw new RangeError(`no block "${label}"`);
    }
    const skip = target === undefined ? k : target - at - 1;
    const view = new DataView(bytes.buffer, at * SOCK_FILTER.size, SOCK_FILTER.size);
    SOCK_FILTER.write(view, { code, jt, jf, k: skip >>> 0 });
  });
  return bytes;
}
