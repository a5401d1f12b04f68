/** What all our filters of system calls begin with (seccomp(2)). */
import { AUDIT_ARCH_X86_64 } from "../abi/audit.ts";
import { BPF_JEQ } from "../abi/filter.ts";
import { SECCOMP_DATA, SECCOMP_RET_KILL_PROCESS } from "../abi/seccomp.ts";
import {
  assemble,
  decide,
  type Instruction,
  jumpIf,
  load,
  type Range,
  ret,
} from "./bpf-program.ts";

/**
 * The filter as `struct sock_filter[]`, for x86-64; a call by another architecture's door ends the process.
 * @param ranges of the calls' numbers
 * @param blocks what decides where a number is not enough
 */
export function filterByNumber(
  ranges: readonly Range[],
  blocks: Readonly<Record<string, readonly Instruction[]>>,
): Uint8Array {
  return assemble(
    [
      load(SECCOMP_DATA.offsets.arch),
      jumpIf(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0),
      ret(SECCOMP_RET_KILL_PROCESS),
      load(SECCOMP_DATA.offsets.nr),
      ...decide(ranges),
    ],
    blocks,
  );
}
