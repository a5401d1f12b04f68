/** How an executable ended, and what it used: what Wait answers, also much later. */
import { SIGKILL } from "../../kernel/abi/signal.ts";
import type { Cgroups } from "../../kernel/cgroup/cgroups.ts";
import type { ExitStatus } from "../../kernel/process/exit-status.ts";
import type { ProcessEnd } from "../../kernel/process/processes.ts";
import { isErrno } from "../../kernel/sys/error.ts";
import type { Surroundings } from "./surroundings.ts";

const USER_TIME = /^user_usec (\d+)$/m;
const SYSTEM_TIME = /^system_usec (\d+)$/m;

/** The end of a process that nobody saw, or of none. */
export const UNSEEN: ProcessEnd = { status: undefined, maxRssBytes: 0 };

export interface Ending {
  /** Undefined when nobody saw it. */
  readonly status: ExitStatus | undefined;
  readonly oomKilled: boolean;
  readonly cpuUserUsec: bigint;
  readonly cpuSystemUsec: bigint;
  /** Of the first process; 0 when nobody saw it. */
  readonly maxRssBytes: number;
}

/** Processor time of all that was ever in a control group, in microseconds; nothing for one that is gone. */
function cpuTimeOf(
  cgroups: Cgroups,
  cgroup: string,
): Pick<Ending, "cpuUserUsec" | "cpuSystemUsec"> {
  let text = "";
  try {
    text = cgroups.read(cgroup, "cpu.stat");
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENODEV")) {
      throw error;
    }
  }
  const value = (pattern: RegExp): bigint => BigInt(pattern.exec(text)?.[1] ?? 0);
  return { cpuUserUsec: value(USER_TIME), cpuSystemUsec: value(SYSTEM_TIME) };
}

/** @param isByUs it was being ended by us, so a SIGKILL may be ours */
export function endingFrom(
  { kernel, cgroup, claimOomKill }: Surroundings,
  { status, maxRssBytes }: ProcessEnd,
  isByUs: boolean,
): Ending {
  const wasKilled = status?.kind === "signaled" && status.signal === SIGKILL;
  return {
    status,
    oomKilled: wasKilled && !isByUs && claimOomKill(),
    ...cpuTimeOf(kernel.cgroups, cgroup),
    maxRssBytes,
  };
}
