/** A kernel in memory. For tests. */
import type { Controller } from "../cgroup/limits.ts";
import type { Kernel } from "../kernel.ts";
import type { Accounts, UserAccount } from "../process/accounts.ts";
import { FakeCgroups } from "./fake-cgroups.ts";
import { FakeNamespaces } from "./fake-namespaces.ts";
import { FakeNotifications } from "./fake-notifications.ts";
import { FakeProcesses } from "./fake-processes.ts";

/** Users and groups that a test names. Numbers are taken as they are. */
export class FakeAccounts implements Accounts {
  readonly users = new Map<string, UserAccount>([
    ["root", { uid: 0, gid: 0 }],
    ["nobody", { uid: 65534, gid: 65534 }],
  ]);
  readonly groups = new Map<string, number>([
    ["root", 0],
    ["nogroup", 65534],
  ]);

  user(user: string): UserAccount | undefined {
    if (!/^\d+$/.test(user)) {
      return this.users.get(user);
    }
    const uid = Number(user);
    return { uid, gid: [...this.users.values()].find((account) => account.uid === uid)?.gid };
  }

  group(group: string): number | undefined {
    return /^\d+$/.test(group) ? Number(group) : this.groups.get(group);
  }
}

export interface FakeKernel extends Kernel {
  readonly cgroups: FakeCgroups;
  readonly processes: FakeProcesses;
  readonly namespaces: FakeNamespaces;
  readonly accounts: FakeAccounts;
  readonly notifications: FakeNotifications;
}

export function createFakeKernel(controllers?: Iterable<Controller>): FakeKernel {
  const cgroups = new FakeCgroups(controllers);
  const processes = new FakeProcesses(cgroups);
  const namespaces = new FakeNamespaces(cgroups, processes);
  return {
    cgroups,
    processes,
    namespaces,
    accounts: new FakeAccounts(),
    notifications: new FakeNotifications(),
  };
}
