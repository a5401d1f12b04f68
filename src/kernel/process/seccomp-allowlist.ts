/**
 * A filter of system calls that lets through what is named, and nothing else (seccomp(2)): for processes whose every call
 * is known. What is neither allowed nor refused is a violation, which `violation.ts` answers.
 */
import { CONFINED, type ConfinedSyscall } from "../abi/confined-syscalls.ts";
import { ERRNO, type ErrnoName } from "../abi/errno.ts";
import { BPF_JEQ } from "../abi/filter.ts";
import {
  SECCOMP_DATA,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_TRAP,
} from "../abi/seccomp.ts";
import { and, type Instruction, jumpIf, load, type Range, ret } from "./bpf-program.ts";
import { filterByNumber } from "./seccomp-filter.ts";

/** What one argument has to be: one of the values, in the bits that count. Only its lower 32 bits are looked at. */
export interface ArgumentCheck {
  /** 0 to 5 */
  readonly argument: number;
  /** Which bits count; all when left out. */
  readonly mask?: number;
  readonly values: readonly number[];
}

/** A call that is let through: always, or with an argument that is right. */
export interface AllowedCall {
  readonly name: ConfinedSyscall;
  readonly check?: ArgumentCheck;
}

/** A call that fails with an error, and is no violation. */
export interface RefusedCall {
  readonly name: ConfinedSyscall;
  readonly errno: ErrnoName;
}

export interface Allowlist {
  readonly allowed: readonly AllowedCall[];
  readonly refused: readonly RefusedCall[];
}

const ARGUMENT_BYTES = 8;
const FULL_MASK = 0xffff_ffff;
const VIOLATION = SECCOMP_RET_TRAP;

function checkBlock({ argument, mask = FULL_MASK, values }: ArgumentCheck): Instruction[] {
  return [
    load(SECCOMP_DATA.offsets.args + argument * ARGUMENT_BYTES),
    ...(mask === FULL_MASK ? [] : [and(mask)]),
    ...values.map((value, i) => jumpIf(BPF_JEQ, value >>> 0, values.length - i, 0)),
    ret(VIOLATION),
    ret(SECCOMP_RET_ALLOW),
  ];
}

/**
 * The filter as `struct sock_filter[]`, for x86-64; a call by another architecture's door ends the process.
 * @throws {RangeError} where a call is named twice
 */
export function allowlistFilter({ allowed, refused }: Allowlist): Uint8Array {
  const outcomes = new Map<number, Range["outcome"]>();
  const blocks: Record<string, Instruction[]> = {};
  const add = (name: ConfinedSyscall, outcome: Range["outcome"]): void => {
    if (outcomes.has(CONFINED[name])) {
      throw new RangeError(`"${name}" is in the list twice`);
    }
    outcomes.set(CONFINED[name], outcome);
  };
  for (const { name, check } of allowed) {
    add(name, check === undefined ? SECCOMP_RET_ALLOW : name);
    if (check !== undefined) {
      blocks[name] = checkBlock(check);
    }
  }
  for (const { name, errno } of refused) {
    add(name, SECCOMP_RET_ERRNO | ERRNO[errno]);
  }
  const last = Math.max(...outcomes.keys());
  const ranges = Array.from({ length: last + 2 }, (_, number) => ({
    from: number,
    outcome: outcomes.get(number) ?? VIOLATION,
  }));
  return filterByNumber(ranges, blocks);
}
