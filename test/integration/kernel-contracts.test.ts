import { test } from "bun:test";
import { namespacesContract } from "../contract/namespaces-contract.ts";
import { processesContract } from "../contract/processes-contract.ts";
import { KernelFixture, missingForCells } from "./kernel-fixture.ts";

if (missingForCells === undefined) {
  processesContract("KernelProcesses", () => new KernelFixture());
  namespacesContract("KernelNamespaces", () => new KernelFixture());
} else {
  test.skip(`processes and namespaces of the kernel: needs cgroup2 and root (${missingForCells})`, () =>
    undefined);
}
