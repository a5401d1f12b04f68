/** The other threads of a machine, as the main thread has them: started early, given their work later, told what to do. */
import { EventFd } from "../../kernel/sys/event-fd.ts";
import { AccessMailbox } from "./access-mailbox.ts";
import { CommandError, CommandMailbox } from "./command-mailbox.ts";
import { Reports } from "./reports.ts";
import type { LoadWork } from "./image-loading.ts";
import type {
  DeviceCommand,
  DeviceThreadWork,
  VcpuThreadMessage,
  VcpuThreadWork,
} from "./thread-work.ts";

/** Of a command; one that waits for a disk, or for its thread to be loaded on a busy host, may take long. */
const COMMAND_MS = 30_000;

type WorkerName = "vcpu-worker" | "devices-worker" | "disks-worker";

/** In the executable, files have the paths that `build/bundle.ts` names; modules may be in any chunk. */
function startWorker(name: WorkerName): Worker {
  const isCompiled = import.meta.url.startsWith("file:///$bunfs/");
  const path = isCompiled
    ? `./src/vmm/machine/${name}.ts`
    : new URL(`./${name}.ts`, import.meta.url).href;
  return new Worker(path, { smol: true });
}

export class VcpuWorker implements Disposable {
  readonly reports: Reports;
  readonly #worker = startWorker("vcpu-worker");

  constructor(event: EventFd) {
    this.reports = new Reports(event);
  }

  give(work: Omit<VcpuThreadWork, "reports">): void {
    const vcpu = { ...work, reports: this.reports.memory };
    this.#worker.postMessage({ vcpu } satisfies VcpuThreadMessage);
  }

  /** Before {@link give}. */
  load(work: LoadWork): void {
    this.#worker.postMessage({ load: work } satisfies VcpuThreadMessage);
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}

type DeviceWork = Omit<DeviceThreadWork, "doorbellFd" | "access" | "commands" | "reports">;

export class DeviceWorker implements Disposable {
  readonly reports: Reports;
  readonly access: AccessMailbox;
  readonly doorbell = new EventFd();
  readonly #commands: CommandMailbox<DeviceCommand>;
  readonly #worker: Worker;

  constructor(name: "devices-worker" | "disks-worker", event: EventFd) {
    this.#worker = startWorker(name);
    this.reports = new Reports(event);
    this.access = new AccessMailbox(this.doorbell);
    this.#commands = new CommandMailbox(this.doorbell);
  }

  give(work: DeviceWork): void {
    this.#worker.postMessage({
      ...work,
      doorbellFd: this.doorbell.descriptor.number,
      access: this.access.memory,
      commands: this.#commands.memory,
      reports: this.reports.memory,
    } satisfies DeviceThreadWork);
  }

  /** @throws {CommandError} */
  command(command: DeviceCommand): unknown {
    return this.#commands.call(command, COMMAND_MS);
  }

  /** Ends it; a thread that can't answer is no reason to stay. */
  quit(): void {
    try {
      this.command({ do: "quit" });
    } catch (error) {
      if (!(error instanceof CommandError)) {
        throw error;
      }
    }
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
    this.doorbell[Symbol.dispose]();
  }
}
