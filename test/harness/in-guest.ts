/**
 * Runs commands in a test VM: as executables in no cell, by the machine's own API. What they print comes back over
 * the console, so it needs nothing of the guest but a shell.
 */
import { CellService } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import type { TestVm } from "./vm.ts";

/**
 * Runs a command to its end, and answers with what it printed, both streams, without the last newline.
 * A process that it leaves behind must not hold its output open, or it never ends.
 */
export async function inGuest(vm: TestVm, command: string): Promise<string> {
  const cells = vm.client(CellService);
  const name = `probe-${crypto.randomUUID()}`;
  const marked = `{ ${command}\n} 2>&1 | sed 's/^/${name}: /' >/dev/console`;
  const script = `${marked}; echo '${name} done' >/dev/console`;
  await cells.start({ executable: { name, command: script } });
  await vm.waitForConsole(new RegExp(`${name} done`));
  await cells.stop({ executableName: name });
  return vm
    .console()
    .split("\n")
    .flatMap((line) => (line.startsWith(`${name}: `) ? [line.slice(name.length + 2)] : []))
    .join("\n");
}

/** Starts a command that may end auraed or the machine, and with it the answer to this call. */
export async function actInGuest(vm: TestVm, command: string): Promise<void> {
  const name = `act-${crypto.randomUUID()}`;
  // What it does is seen on the console, or by the machine's end. A command that is refused shows there, too.
  await vm
    .client(CellService)
    .start({ executable: { name, command } })
    .catch(() => undefined);
}
