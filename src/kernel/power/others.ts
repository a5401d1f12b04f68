/** The other processes of this pid namespace, and waiting for their end: by pidfd, without polling. */
import { readdirSync } from "node:fs";
import { POLLIN } from "../abi/poll.ts";
import { tryReadKernelFile } from "../io/kernel-file.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { syscallRaw } from "../sys/syscall.ts";

const PF_KTHREAD = 0x00200000;
/** `struct pollfd`: int fd, short events, short revents. */
const POLLFD_BYTES = 8;
/** More than this are not waited for one by one; what is left is killed. */
const MAX_WAITED = 4096;

/** Whether a text of /proc/PID/stat is that of a process which runs a program. Zombies and kernel threads do not. */
export function isProgram(stat: string): boolean {
  // The second field is the name in parentheses, and may hold any character.
  const [state, , , , , , flags] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return state !== "Z" && state !== "X" && (Number(flags) & PF_KTHREAD) === 0;
}

/** The process ids of all programs but PID 1 and this one. */
export function otherPrograms(): number[] {
  const pids = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.filter((pid) => {
    if (pid === 1 || pid === process.pid) {
      return false;
    }
    const stat = tryReadKernelFile(`/proc/${pid}/stat`);
    // ENOENT, ESRCH: it has just ended
    return typeof stat === "string" && isProgram(stat);
  });
}

/**
 * Blocks until all of them have ended or the time is over. For the very end of the machine only.
 * @returns how many are left
 */
export function waitForEnd(pids: readonly number[], timeoutMs: number): number {
  using stack = new DisposableStack();
  let open: number[] = [];
  for (const pid of pids.slice(0, MAX_WAITED)) {
    const fd = syscallRaw("pidfd_open", pid, 0);
    if (fd >= 0) {
      open.push(stack.use(new FileDescriptor(fd)).number);
    }
  }
  const until = performance.now() + timeoutMs;
  for (let left = timeoutMs; open.length > 0 && left > 0; left = until - performance.now()) {
    const polled = new DataView(new ArrayBuffer(open.length * POLLFD_BYTES));
    open.forEach((fd, index) => {
      polled.setInt32(index * POLLFD_BYTES, fd, true);
      polled.setInt16(index * POLLFD_BYTES + 4, POLLIN, true);
    });
    syscallRaw("poll", polled, open.length, Math.ceil(left));
    open = open.filter((_, index) => polled.getInt16(index * POLLFD_BYTES + 6, true) === 0);
  }
  return open.length;
}
