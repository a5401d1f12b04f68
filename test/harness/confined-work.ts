/** What the threads of `confined-process.ts` do. */
import { SIGSYS } from "../../src/kernel/abi/signal.ts";
import type { SyscallName } from "../../src/kernel/abi/syscalls.ts";
import { cString, type SyscallArgument, syscallRaw } from "../../src/kernel/sys/syscall.ts";

type Call = [SyscallName, ...SyscallArgument[]];

const AF_INET = 2;
const SOCK_STREAM = 1;

/** System calls to try, by a name. */
const CALLS: Readonly<Record<string, Call>> = {
  getpgid: ["getpgid", 0],
  openat: ["openat", -100, cString("/etc/passwd"), 0, 0],
  inet: ["socket", AF_INET, SOCK_STREAM, 0],
  unix: ["socket", 1, SOCK_STREAM, 0],
  kvmCreate: ["ioctl", 0, 0xae01, 0],
  kvmRun: ["ioctl", 0, 0xae80, 0],
  executable: ["mmap", 0, 4096, 7, 0x22, -1, 0],
  memory: ["mmap", 0, 4096, 3, 0x22, -1, 0],
  handler: ["rt_sigaction", SIGSYS, null, null, 8],
};

/** The call that a wish such as `vcpu:openat` has a thread make. */
export function callOf(wish: string, kind: string): Call | undefined {
  const [who, what = ""] = wish.split(":");
  return who === kind ? CALLS[what] : undefined;
}

export function say(text: string): void {
  const line = Buffer.from(`${text}\n`);
  syscallRaw("write", 1, line, line.byteLength);
}

const ROUNDS = 12;

/** Garbage of all sizes, and functions that are worth compiling. */
export function keepBusy(): void {
  let sum = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const list = Array.from({ length: 50_000 }, (_, k) => ({ k, text: String(k) }));
    const map = new Map(list.map(({ k, text }) => [text, k]));
    const large = new Uint8Array(1 << 20).fill(round);
    const loop = new Function(
      "a",
      `let s = 0; for (let i = 0; i < 1e6; i++) s += i % a; return s;`,
    );
    sum += map.size + large.length + loop(round + 2);
    syscallRaw("poll", null, 0, 2);
  }
  Bun.gc(true);
  if (sum === 0) {
    say("nothing was done");
  }
}
