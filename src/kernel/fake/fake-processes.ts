/** Processes in memory that do what a test says. For tests. */
import type { ErrnoName } from "../abi/errno.ts";
import { ERRNO } from "../abi/errno.ts";
import type { CellNamespaces } from "../namespace/namespaces.ts";
import type { ExitStatus } from "../process/exit-status.ts";
import { HeldBytes } from "../process/held-bytes.ts";
import { LaunchError } from "../process/launcher.ts";
import type {
  InputPipe,
  ManagedProcess,
  OutputIdentity,
  OutputPipe,
  ProcessEnd,
  Processes,
  ProcessIdentity,
  StartOptions,
  TerminalSize,
} from "../process/processes.ts";
import { SyscallError } from "../sys/error.ts";
import type { FakeCgroups } from "./fake-cgroups.ts";

/** What is in a pipe, for as long as its process holds it. */
class PipeContent {
  readonly chunks: HeldBytes[] = [];
  hasEnded = false;
}

/** An output stream. What is in it outlives its reader: the next one goes on where that has stopped. */
export class FakePipe implements OutputPipe {
  readonly #content: PipeContent;
  #wake: (() => void) | undefined;
  isClosed = false;

  constructor(content = new PipeContent()) {
    this.#content = content;
  }

  push(output: string | Uint8Array): void {
    const bytes = typeof output === "string" ? Buffer.from(output) : output;
    this.#content.chunks.push(new HeldBytes(bytes));
    this.#wake?.();
  }

  end(): void {
    this.#content.hasEnded = true;
    this.#wake?.();
  }

  /** The same pipe for a new reader. This one's reading ends. */
  handOver(): FakePipe {
    void this.close();
    return new FakePipe(this.#content);
  }

  get #first(): HeldBytes | undefined {
    const { chunks } = this.#content;
    while (chunks[0]?.waitingBytes === 0) {
      chunks.shift();
    }
    return this.isClosed ? undefined : chunks[0];
  }

  get waitingBytes(): number {
    return this.#first?.waitingBytes ?? 0;
  }

  moveTo(fd: number, position: number, maxBytes: number): number {
    return this.#first?.moveTo(fd, position, maxBytes) ?? 0;
  }

  take(): Uint8Array {
    return this.#first?.take() ?? new Uint8Array(0);
  }

  async readable(): Promise<boolean> {
    while (this.waitingBytes === 0) {
      if (this.isClosed || this.#content.hasEnded) {
        return false;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return true;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.#wake?.();
  }
}

/** Standard input that keeps what is written to it. */
class FakeInput implements InputPipe {
  readonly #chunks: Uint8Array[] = [];
  /** Nobody reads any more. */
  isBroken = false;
  ended = false;

  /** All that was written. */
  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.isBroken || this.ended) {
      throw new SyscallError("write", ERRNO.EPIPE, "standard input");
    }
    this.#chunks.push(bytes.slice());
  }

  end(): void {
    this.ended = true;
  }
}

export class FakeProcess implements ManagedProcess {
  readonly pid: number;
  readonly namespacePid: number;
  readonly startTime: bigint;
  readonly options: StartOptions;
  readonly outputs: OutputIdentity;
  readonly signals: number[] = [];
  stdout = new FakePipe();
  stderr = new FakePipe();
  readonly stdin: FakeInput | undefined;
  /** The sizes that its terminal was given, in order. */
  readonly sizes: TerminalSize[] = [];
  readonly #exit = Promise.withResolvers<ProcessEnd>();
  readonly #onEnd: () => void;
  /** Which signals end it; a test takes SIGTERM out to make it stubborn. */
  readonly fatal = new Set([9, 15]);
  ended = false;

  constructor(pid: number, namespacePid: number, options: StartOptions, onEnd: () => void) {
    this.pid = pid;
    this.namespacePid = namespacePid;
    this.startTime = BigInt(pid) * 10n;
    this.options = options;
    const { stdin = "null", terminalSize } = options;
    const hasTerminal = stdin === "terminal";
    this.outputs = hasTerminal
      ? { stdoutInode: 0n, stderrInode: 0n }
      : { stdoutInode: BigInt(pid) * 2n, stderrInode: BigInt(pid) * 2n + 1n };
    this.stdin = stdin === "null" ? undefined : new FakeInput();
    if (hasTerminal) {
      this.stderr.end();
      this.resize(terminalSize ?? { rows: 24, columns: 80 });
    }
    this.#onEnd = onEnd;
  }

  get exited(): Promise<ProcessEnd> {
    return this.#exit.promise;
  }

  /** Ends the process. Without a status: nobody can tell how it ended, as of one that was adopted. */
  exit(status: ExitStatus | undefined, maxRssBytes = 0): void {
    if (!this.ended) {
      this.ended = true;
      this.stdout.end();
      this.stderr.end();
      if (this.stdin !== undefined) {
        this.stdin.isBroken = true;
      }
      this.#exit.resolve({ status, maxRssBytes });
      this.#onEnd();
    }
  }

  receive(signal: number): void {
    if (this.ended) {
      return;
    }
    this.signals.push(signal);
    if (this.fatal.has(signal)) {
      this.exit({ kind: "signaled", signal });
    }
  }

  signalGroup(signal: number): void {
    this.receive(signal);
  }

  resize(size: TerminalSize): void {
    if (this.options.stdin === "terminal") {
      this.sizes.push(size);
    }
  }
}

export class FakeProcesses implements Processes {
  readonly all = new Map<number, FakeProcess>();
  readonly #cgroups: FakeCgroups;
  readonly #lastNamespacePids = new WeakMap<CellNamespaces, number>();
  #nextPid = 100;
  /** The next start fails with this. */
  failNext: ErrnoName | undefined;

  constructor(cgroups: FakeCgroups) {
    this.#cgroups = cgroups;
    cgroups.onKill = (pid) => this.signal(pid, 9);
  }

  /** A process id that nobody has. */
  takePid(): number {
    return this.#nextPid++;
  }

  start(options: StartOptions): FakeProcess {
    const { paths, namespaces, cgroup } = options;
    if (this.failNext !== undefined) {
      const errno = ERRNO[this.failNext];
      this.failNext = undefined;
      throw new LaunchError("exec", errno, paths[0] ?? "");
    }
    namespaces?.settle();
    const pid = this.takePid();
    const namespacePid = namespaces?.hasProcessIds === true ? this.#pidIn(namespaces) : pid;
    const fake = new FakeProcess(pid, namespacePid, options, () => this.#cgroups.leave(pid));
    this.all.set(pid, fake);
    if (cgroup !== undefined) {
      this.#cgroups.join(this.#cgroups.pathOf(cgroup), pid);
    }
    return fake;
  }

  #pidIn(namespaces: CellNamespaces): number {
    const pid = (this.#lastNamespacePids.get(namespaces) ?? 1) + 1; // 1 is the first process
    this.#lastNamespacePids.set(namespaces, pid);
    return pid;
  }

  adopt({ pid, startTime }: ProcessIdentity): FakeProcess | undefined {
    const fake = this.all.get(pid);
    if (fake?.ended !== false || fake.startTime !== startTime) {
      return undefined;
    }
    fake.stdout = fake.stdout.handOver();
    fake.stderr = fake.stderr.handOver();
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

  /** Those that have not ended, for a census. */
  get running(): FakeProcess[] {
    return [...this.all.values()].filter((fake) => !fake.ended);
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
