/** All that the domain may ask of the kernel. The daemon hands one in; tests hand in one that lives in memory. */
import type { Cgroups } from "./cgroup/cgroups.ts";
import type { Namespaces } from "./namespace/namespaces.ts";
import type { Accounts } from "./process/accounts.ts";
import type { Notifications } from "./process/notifications.ts";
import type { Processes } from "./process/processes.ts";

export interface Kernel {
  readonly cgroups: Cgroups;
  readonly processes: Processes;
  readonly namespaces: Namespaces;
  readonly accounts: Accounts;
  readonly notifications: Notifications;
}
