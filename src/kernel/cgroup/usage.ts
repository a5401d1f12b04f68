/** What a control group uses, with all groups below it. What the kernel does not count there is undefined. */
import type { ReadFile } from "./limits.ts";
import { flatKeyed, nestedKeyed, numberIn } from "./text.ts";

/** Times in microseconds, amounts in bytes. */
export interface CgroupUsage {
  readonly cpuUsec: bigint | undefined;
  readonly cpuUserUsec: bigint | undefined;
  readonly cpuSystemUsec: bigint | undefined;
  readonly cpuThrottledCount: bigint | undefined;
  readonly cpuThrottledUsec: bigint | undefined;
  readonly memoryBytes: bigint | undefined;
  /** Linux 5.19 */
  readonly memoryPeakBytes: bigint | undefined;
  readonly swapBytes: bigint | undefined;
  readonly oomKills: bigint | undefined;
  readonly processes: bigint | undefined;
  readonly ioReadBytes: bigint | undefined;
  readonly ioWrittenBytes: bigint | undefined;
}

/** The sum of one key over all devices of io.stat. @throws {CgroupTextError} */
export function ioStatSum(text: string, key: string): bigint {
  return nestedKeyed(text).reduce((sum, [, values]) => sum + numberIn(values.get(key) ?? "0"), 0n);
}

/** @throws {CgroupTextError} */
export function readUsage(read: ReadFile): CgroupUsage {
  const single = (file: string): bigint | undefined => {
    const text = read(file);
    return text === undefined ? undefined : numberIn(text);
  };
  const keyed = (file: string): ((key: string) => bigint | undefined) => {
    const values = flatKeyed(read(file) ?? "");
    return (key) => {
      const value = values.get(key);
      return value === undefined ? undefined : numberIn(value);
    };
  };
  const cpu = keyed("cpu.stat");
  const events = keyed("memory.events");
  const io = read("io.stat");
  return {
    cpuUsec: cpu("usage_usec"),
    cpuUserUsec: cpu("user_usec"),
    cpuSystemUsec: cpu("system_usec"),
    cpuThrottledCount: cpu("nr_throttled"),
    cpuThrottledUsec: cpu("throttled_usec"),
    memoryBytes: single("memory.current"),
    memoryPeakBytes: single("memory.peak"),
    swapBytes: single("memory.swap.current"),
    oomKills: events("oom_kill"),
    processes: single("pids.current"),
    ioReadBytes: io === undefined ? undefined : ioStatSum(io, "rbytes"),
    ioWrittenBytes: io === undefined ? undefined : ioStatSum(io, "wbytes"),
  };
}
