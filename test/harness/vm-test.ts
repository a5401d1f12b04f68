/** A test of a running VM that shows the VM's console when it fails. */
import { test } from "bun:test";
import type { TestVm } from "./vm.ts";

const TIMEOUT_MS = 120_000;

/** @param vm answers with the machine when the test runs, not when it is declared */
export function vmTest(
  name: string,
  vm: () => TestVm,
  body: (vm: TestVm) => Promise<void>,
  timeoutMs = TIMEOUT_MS,
): void {
  test(
    name,
    async () => {
      const machine = vm();
      try {
        await body(machine);
      } catch (error) {
        process.stderr.write(`${machine.consoleTail()}\n`);
        throw error;
      }
    },
    timeoutMs,
  );
}
