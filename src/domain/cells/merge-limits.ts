/** Limits with changes put into them. Pure. */
import type { CgroupLimits, IoDeviceLimits, IoLimits } from "../../kernel/cgroup/limits.ts";

/** Fields of `changes` that are defined go over those of `current`; undefined when neither is there. */
function merged<T extends object>(current: T | undefined, changes: T | undefined): T | undefined {
  if (current === undefined || changes === undefined) {
    return changes ?? current;
  }
  const set = Object.entries(changes).filter(([, value]) => value !== undefined);
  return { ...current, ...Object.fromEntries(set) };
}

const isBounded = ({ device: _, ...bounds }: IoDeviceLimits): boolean =>
  Object.values(bounds).some((bound) => bound !== undefined);

/** A device that is named anew gets its new bounds alone; one that has none then is left out. */
function mergedIo(
  current: IoLimits | undefined,
  changes: IoLimits | undefined,
  isSame: (a: string, b: string) => boolean,
): IoLimits | undefined {
  const io = merged(current, changes);
  if (io === undefined || changes?.devices === undefined) {
    return io;
  }
  const news = changes.devices;
  const others = (current?.devices ?? []).filter(
    ({ device }) => !news.some((other) => isSame(device, other.device)),
  );
  return { ...io, devices: [...others, ...news.filter(isBounded)] };
}

/** @param isSame whether two names are of the same device */
export function mergeLimits(
  current: CgroupLimits,
  changes: CgroupLimits,
  isSame: (a: string, b: string) => boolean,
): CgroupLimits {
  const hugetlb = merged(current.hugetlb, changes.hugetlb);
  const pages = merged(current.hugetlb?.max, changes.hugetlb?.max);
  return {
    cpu: merged(current.cpu, changes.cpu),
    cpuset: merged(current.cpuset, changes.cpuset),
    memory: merged(current.memory, changes.memory),
    pids: merged(current.pids, changes.pids),
    io: mergedIo(current.io, changes.io, isSame),
    hugetlb: hugetlb && { ...hugetlb, max: pages },
  };
}
