/** A machine for the tests of a `describe`, and a test of one that shows its console when it fails. */
import { afterAll, beforeAll, test } from "bun:test";
import { bootVm, type TestVm, type VmOptions } from "./vm.ts";

const BOOT_MS = 120_000;
const TIMEOUT_MS = 120_000;

/** One machine for the tests of a `describe`; answers with how to get it. */
export function machine(options: VmOptions): () => TestVm {
  let vm: TestVm | undefined;
  beforeAll(async () => {
    vm = await bootVm(options);
  }, BOOT_MS);
  afterAll(() => vm?.kill());
  return () => {
    if (vm === undefined) {
      throw new Error(`the machine "${options.name}" did not boot`);
    }
    return vm;
  };
}

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
        const tail = machine.consoleTail();
        process.stderr.write(`${tail}\n${await machine.explainSilence()}\n`);
        throw error;
      }
    },
    timeoutMs,
  );
}
