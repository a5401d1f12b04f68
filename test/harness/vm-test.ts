/** A machine for the tests of a `describe`, a test of one that shows its console when it fails, and one of machines in it. */
import { afterAll, beforeAll, test } from "bun:test";
import { messageOf } from "../../src/base/errors.ts";
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

/** A machine that was reset, and whose kernel did not say that it would be: its processor faulted three times. */
function isProcessorReset(error: unknown): boolean {
  const text = messageOf(error);
  return text.includes("(guest-reset)") && !/Kernel panic|reboot: /.test(text);
}

/**
 * A test with a machine of its own, in which other machines run. QEMU emulates the virtualisation that these need, and now
 * and then the emulated processor faults, which no program in it can bring about: then all is done again, once.
 */
export function nestedTest(name: string, body: () => Promise<void>, timeoutMs: number): void {
  test(
    name,
    async () => {
      try {
        await body();
      } catch (error) {
        if (!isProcessorReset(error)) {
          throw error;
        }
        process.stderr.write(`once more, since QEMU's processor faulted: ${messageOf(error)}\n`);
        await body();
      }
    },
    2 * timeoutMs,
  );
}
