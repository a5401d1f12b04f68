/** Counts what a test could leave behind in this process and on the host, to compare it before and after. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { launcherPid } from "../../src/kernel/process/launcher.ts";
import { isErrno } from "../../src/kernel/sys/error.ts";
import { eventually } from "./eventually.ts";

const SETTLE_MS = 2000;
/** Bun makes it at the first watched file, and keeps it. */
const SHARED_WATCHER = "anon_inode:inotify";

export interface Census {
  /** What this process holds open, without numbers. */
  readonly descriptors: readonly string[];
  /** Its children, but for the launcher, which is there from the first launch on. */
  readonly children: readonly string[];
  /** The host's mounts, with their propagation. */
  readonly mounts: readonly string[];
  /** This process's namespaces, and the one its children would get. */
  readonly namespaces: readonly string[];
}

function descriptors(): string[] {
  return readdirSync("/proc/self/fd")
    .flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`).replace(/\d+/g, "N")];
      } catch {
        return []; // the descriptor of the listing itself
      }
    })
    .filter((target) => target !== SHARED_WATCHER)
    .sort();
}

/** What there is to say of each thread of this process; one that ends meanwhile has nothing. */
function ofThreads(describe: (folder: string) => string[]): string[] {
  return readdirSync("/proc/self/task").flatMap((thread) => {
    try {
      return describe(`/proc/self/task/${thread}`);
    } catch (error) {
      if (isErrno(error, "ENOENT", "ESRCH")) {
        return [];
      }
      throw error;
    }
  });
}

function children(launcher: number): string[] {
  return ofThreads((folder) =>
    readFileSync(`${folder}/children`, "utf8").split(" ").filter(Boolean),
  ).filter((pid) => Number(pid) !== launcher);
}

function namespaces(): string[] {
  return ofThreads((folder) =>
    readdirSync(`${folder}/ns`).map((name) => `${name} ${readlinkSync(`${folder}/ns/${name}`)}`),
  );
}

export function takeCensus(): Census {
  // First, so that there is one, with what it holds open.
  const launcher = launcherPid();
  return {
    descriptors: descriptors(),
    children: children(launcher),
    mounts: readFileSync("/proc/self/mountinfo", "utf8").split("\n"),
    namespaces: [...new Set(namespaces())].sort(),
  };
}

/** The census once it is as it was, or what it still is after a while: Bun closes some of its descriptors later. */
export async function settledCensus(before: Census): Promise<Census> {
  await eventually("the census", () => Bun.deepEquals(takeCensus(), before), SETTLE_MS).catch(
    () => undefined, // the caller compares, and sees how they differ
  );
  return takeCensus();
}
