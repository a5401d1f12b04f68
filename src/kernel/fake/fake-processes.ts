/** Processes in memory that do what a test says. For tests. */
import type { ErrnoName } from "../abi/errno.ts";
import { ERRNO } from "../abi/errno.ts";
import type { ExitStatus } from "../process/exit-status.ts";
import { LaunchError } from "../process/launcher.ts";
import type { ManagedProcess, OutputPipe, Processes, StartOptions } from "../process/processes.ts";
import type { FakeCgroups } from "./fake-cgroups.ts";

class FakePipe implements OutputPipe {
  readonly #chunks: Uint8Array[] = [];
  #wake = Promise.withResolvers<void>();
  #ended = false;

  push(text: string): void {
    this.#chunks.push(Buffer.from(text));
    this.#wake.resolve();
  }

  end(): void {
    this.#ended = true;
    this.#wake.resolve();
  }

  async *read(): AsyncIterable<Uint8Array> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        yield chunk;
      } else if (this.#ended) {
        return;
      } else {
        await this.#wake.promise;
        this.#wake = Promise.withResolvers();
      }
    }
  }

  async close(): Promise<void> {
    this.end();
  }
}

export class FakeProcess implements ManagedProcess {
  readonly pid: number;
  readonly options: StartOptions;
  readonly signals: number[] = [];
  readonly stdout = new FakePipe();
  readonly stderr = new FakePipe();
  readonly #exit = Promise.withResolvers<ExitStatus>();
  readonly #onEnd: () => void;
  /** Which signals end it; a test takes SIGTERM out to make it stubborn. */
  readonly fatal = new Set([9, 15]);
  ended = false;

  constructor(pid: number, options: StartOptions, onEnd: () => void) {
    this.pid = pid;
    this.options = options;
    this.#onEnd = onEnd;
  }

  get exited(): Promise<ExitStatus> {
    return this.#exit.promise;
  }

  /** Ends the process. */
  exit(status: ExitStatus): void {
    if (!this.ended) {
      this.ended = true;
      this.stdout.end();
      this.stderr.end();
      this.#exit.resolve(status);
      this.#onEnd();
    }
  }

  receive(signal: number): void {
    this.signals.push(signal);
    if (this.fatal.has(signal)) {
      this.exit({ kind: "signaled", signal });
    }
  }

  signalGroup(signal: number): void {
    if (!this.ended) {
      this.receive(signal);
    }
  }
}

export class FakeProcesses implements Processes {
  readonly all = new Map<number, FakeProcess>();
  readonly #cgroups: FakeCgroups;
  #nextPid = 100;
  /** The next start fails with this. */
  failNext: ErrnoName | undefined;

  constructor(cgroups: FakeCgroups) {
    this.#cgroups = cgroups;
    cgroups.onKill = (pid) => this.signal(pid, 9);
  }

  start(options: StartOptions): FakeProcess {
    if (this.failNext !== undefined) {
      const errno = ERRNO[this.failNext];
      this.failNext = undefined;
      throw new LaunchError("exec", errno, options.paths[0] ?? "");
    }
    const pid = this.#nextPid++;
    const fake = new FakeProcess(pid, options, () => this.#cgroups.leave(pid));
    this.all.set(pid, fake);
    if (options.cgroup !== undefined) {
      this.#cgroups.join(this.#cgroups.pathOf(options.cgroup), pid);
    }
    return fake;
  }

  /** The process that was started last. */
  get last(): FakeProcess {
    const fake = [...this.all.values()].at(-1);
    if (fake === undefined) {
      throw new Error("no process was started");
    }
    return fake;
  }

  signal(pid: number, signal: number): void {
    this.all.get(pid)?.receive(signal);
  }

  groupOf(pid: number): number | undefined {
    return this.all.get(pid)?.ended === false ? pid : undefined;
  }

  owns(pid: number): boolean {
    return this.groupOf(pid) !== undefined;
  }
}
