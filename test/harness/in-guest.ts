/**
 * Runs commands in a test VM: as executables in no cell, by the machine's own API. What they print comes back over
 * the console, so it needs nothing of the guest but a shell.
 */
import { CellService } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { LogChannelType, ObserveService } from "../../src/gen/aurae/observe/v0/observe_pb.ts";
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

export interface GuestRun {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, and answers with all that it printed, by way of the API. */
export async function runInGuest(vm: TestVm, ...args: readonly string[]): Promise<GuestRun> {
  const cells = vm.client(CellService);
  const executableName = `run-${crypto.randomUUID()}`;
  await cells.start({ executable: { name: executableName, args: [...args] } });
  const { exitStatus } = await cells.wait({ executableName });
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const texts = { stdout: "", stderr: "" };
  const output = vm.client(ObserveService).getSubProcessStream({ executableName, raw: true });
  for await (const { data, channelType } of output) {
    const stream = channelType === LogChannelType.STDERR ? "stderr" : "stdout";
    texts[stream] += decoders[stream].decode(data, { stream: true });
  }
  await cells.stop({ executableName });
  const outcome = exitStatus?.outcome;
  return { code: outcome?.case === "exitCode" ? outcome.value : undefined, ...texts };
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
