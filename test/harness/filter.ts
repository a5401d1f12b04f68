/** The kernel's machine for filters of system calls, as far as our filters go (linux/filter.h). */
import { AUDIT_ARCH_X86_64 } from "../../src/kernel/abi/audit.ts";
import { SOCK_FILTER } from "../../src/kernel/abi/filter.ts";

/** Runs a filter as the kernel does, and answers with what it returns and the instructions that it took. */
export function runFilter(
  filter: Uint8Array,
  call: number,
  argument = 0,
  arch = AUDIT_ARCH_X86_64,
  further: readonly number[] = [],
): { readonly result: number; readonly steps: number } {
  const lower = [argument, ...further].flatMap((word) => [word, 0]);
  const data = new Uint32Array([call, arch, 0, 0, ...lower, ...Array<number>(12).fill(0)]);
  let value = 0;
  let steps = 0;
  for (let at = 0; ; at++) {
    steps += 1;
    const view = new DataView(filter.buffer, at * SOCK_FILTER.size, SOCK_FILTER.size);
    const [code, k] = [SOCK_FILTER.read(view, "code"), SOCK_FILTER.read(view, "k")];
    const jump = (holds: boolean): number => SOCK_FILTER.read(view, holds ? "jt" : "jf");
    switch (code) {
      case 0x20:
        value = data[k / 4] ?? Number.NaN;
        break;
      case 0x54:
        value = (value & k) >>> 0;
        break;
      case 0x05:
        at += k;
        break;
      case 0x15:
        at += jump(value === k);
        break;
      case 0x35:
        at += jump(value >= k);
        break;
      case 0x06:
        return { result: k, steps };
      default:
        throw new Error(`code ${code}`);
    }
  }
}
