/** What /proc tells of one process (proc_pid_stat(5), proc_pid_status(5)). */
import { readKernelFile, tryReadKernelFile } from "../io/kernel-file.ts";
import { isErrno } from "../sys/error.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { syscall } from "../sys/syscall.ts";

export interface ProcStat {
  /** `R`, `S`, … ; `Z` and `X` have ended. */
  readonly state: string;
  readonly parent: number;
  /** In clock ticks since the boot. */
  readonly startTime: bigint;
}

/** The fields of a line of /proc/pid/stat. The name in it may hold anything, so what counts starts after its end. */
export function parseProcStat(line: string): ProcStat | undefined {
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  const [state, parent] = fields;
  const startTime = fields[19]; // the 22nd of all
  return state === undefined || parent === undefined || startTime === undefined
    ? undefined
    : { state, parent: Number(parent), startTime: BigInt(startTime) };
}

/** Undefined when there is no such process. */
export function readProcStat(pid: number): ProcStat | undefined {
  const line = tryReadKernelFile(`/proc/${pid}/stat`);
  // ENOENT: there is none; ESRCH: it ended since
  return typeof line === "number" ? undefined : parseProcStat(line);
}

/** Whether the process that has this id is the one that was started then, and runs. */
export function isRunning({ pid, startTime }: { pid: number; startTime: bigint }): boolean {
  const stat = readProcStat(pid);
  return stat?.startTime === startTime && stat.state !== "Z" && stat.state !== "X";
}

/** The id that a process has in its own process id namespace; undefined when it has ended. */
export function namespacePidOf(pid: number): number | undefined {
  try {
    const ids = /^NSpid:\s*(.*)$/m.exec(readKernelFile(`/proc/${pid}/status`))?.[1];
    return ids === undefined ? pid : Number(ids.split(/\s+/).at(-1));
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH")) {
      return undefined;
    }
    throw error;
  }
}

/** A descriptor of the process that was started then; undefined when it has ended. */
export function openProcess(identity: {
  pid: number;
  startTime: bigint;
}): FileDescriptor | undefined {
  if (!isRunning(identity)) {
    return undefined;
  }
  try {
    const pidfd = new FileDescriptor(syscall("pidfd_open", String(identity.pid), identity.pid, 0));
    // The id may have become another's between the two.
    if (isRunning(identity)) {
      return pidfd;
    }
    pidfd[Symbol.dispose]();
    return undefined;
  } catch (error) {
    if (isErrno(error, "ESRCH")) {
      return undefined;
    }
    throw error;
  }
}
