/** What auraed is here: the machine's init, a container's, or a daemon beside another init. */

/** The original's contexts. `cell` is its nested daemon, which ours does not need. */
export type Role = "pid1" | "cell" | "container" | "daemon";

export interface RoleFacts {
  readonly nested: boolean;
  /** Whether this process is PID 1, or was started by one of ours in its place (`--pid1`). */
  readonly isInit: boolean;
  /** The content of /proc/self/cgroup; undefined where there is no /proc yet. */
  readonly selfCgroup: string | undefined;
}

/** The first that matches, as in the original. */
export function deriveRole({ nested, isInit, selfCgroup }: RoleFacts): Role {
  if (nested) {
    return "cell";
  }
  if (selfCgroup?.endsWith("_aurae\n") === true) {
    return "container";
  }
  return isInit ? "pid1" : "daemon";
}

/** The first line of each role's log, which others look for. */
export const ROLE_GREETINGS: Readonly<Record<Role, string>> = {
  pid1: "Running as pid 1",
  cell: "Running as a cell",
  container: "Running as a container.",
  daemon: "Running as a daemon.",
};
