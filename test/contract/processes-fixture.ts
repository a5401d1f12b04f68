/** What the suites for processes and namespaces run on: a kernel, and processes that do what they are told. */
import { readChunks } from "../../src/domain/executables/read-chunks.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import type {
  ManagedProcess,
  OutputPipe,
  StartOptions,
} from "../../src/kernel/process/processes.ts";

export interface ProcessesFixture extends AsyncDisposable {
  readonly kernel: Pick<Kernel, "cgroups" | "processes" | "namespaces">;
  /** A group, with a group "init" and a group "work" below. */
  readonly base: string;
  /** Starts a process in "work" that does what the rest of this tells it. */
  readonly start: (options?: Partial<StartOptions>) => ManagedProcess;
  /** Options with which a start fails, by ENOENT in exec. */
  readonly failing: () => Partial<StartOptions>;
  /** Has it write. */
  readonly write: (process: ManagedProcess, to: "stdout" | "stderr", text: string) => Promise<void>;
  /** Has it exit. */
  readonly exit: (process: ManagedProcess, code: number) => Promise<void>;
}

/** All output that is still to come. */
export async function textOf(pipe: OutputPipe): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readChunks(pipe)) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
