/** Processes of the kernel: the launcher, pipes and terminals, and exits by pidfd. */
import { openSync } from "node:fs";
import { ERRNO } from "../abi/errno.ts";
import { RLIMIT_NOFILE } from "../abi/resource.ts";
import { SignalPoll } from "../io/signal-poll.ts";
import type { KernelCellNamespaces } from "../namespace/kernel-cell-namespaces.ts";
import { kernelNamespaces } from "../namespace/kernel-namespaces.ts";
import { SyscallError } from "../sys/error.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { syscall, syscallRaw } from "../sys/syscall.ts";
import { adoptProcess } from "./adoption.ts";
import { ExitWatcher } from "./exit-watcher.ts";
import type { ResourceLimit } from "./launch-plan.ts";
import { BegunLaunch, endLauncher, type LaunchedProcess } from "./launcher.ts";
import { readProcStat } from "./proc-stat.ts";
import type {
  ManagedProcess,
  OutputIdentity,
  Processes,
  ProcessIdentity,
  StartOptions,
} from "./processes.ts";
import { createStreams, giveStreamsTo, OutputPipes, type Streams } from "./streams.ts";

/**
 * The soft limit of open files that a child starts with, which programs that use select(2) can bear; it may raise it
 * as far as the daemon can. Bun raises its own soft limit at start, and children would inherit that.
 */
const OPEN_FILES = 1024n;

function openFilesLimit(): ResourceLimit {
  const current = new BigUint64Array(2);
  syscall("prlimit64", "RLIMIT_NOFILE", 0, RLIMIT_NOFILE, null, current);
  const [, hard = 0n] = current;
  return { resource: RLIMIT_NOFILE, soft: hard < OPEN_FILES ? hard : OPEN_FILES, hard };
}

function kill(pid: number, signal: number): void {
  const answer = syscallRaw("kill", pid, signal);
  if (answer < 0 && answer !== -ERRNO.ESRCH) {
    throw new SyscallError("kill", -answer, `${pid} with signal ${signal}`);
  }
}

export class KernelProcesses implements Processes, Disposable {
  /** Tells the ends of all that was started, namespaces' first processes among them. */
  readonly watcher = new ExitWatcher();
  /** Tells of output, and of whatever else has something to read. */
  readonly poll = new SignalPoll();
  readonly #defaultLimits = [openFilesLimit()];
  readonly #null = new FileDescriptor(openSync("/dev/null", "r"));
  readonly #isRoot = process.geteuid?.() === 0;
  readonly #pipes = new OutputPipes(this.poll);
  readonly #makesPipesAhead: boolean;

  /** @param makesPipesAhead whether those of the next process are made while the kernel makes one, and kept */
  constructor({ makesPipesAhead = false }: { readonly makesPipesAhead?: boolean } = {}) {
    this.#makesPipesAhead = makesPipesAhead;
  }

  start(options: StartOptions): ManagedProcess {
    const { stdin = "null", terminalSize, uid } = options;
    const streams = createStreams(this.#pipes, stdin, terminalSize, this.#null);
    using stack = new DisposableStack();
    stack.defer(() => streams.closeForProcess());
    const undo = stack.use(new DisposableStack());
    undo.defer(() => streams.abandon());
    if (uid !== undefined) {
      giveStreamsTo(uid, streams, this.#null);
    }
    const { namespaces } = options;
    const joined = namespaces === undefined ? undefined : kernelNamespaces(namespaces);
    const launched = this.#launch(options, joined, streams);
    undo.move();
    return this.#managed(launched, joined, streams);
  }

  #launch(
    options: StartOptions,
    joined: KernelCellNamespaces | undefined,
    streams: Streams,
  ): LaunchedProcess {
    const { cgroup, uid, descriptors = [] } = options;
    const [stdin, stdout, stderr] = streams.forProcess;
    const begun = new BegunLaunch({
      paths: options.paths,
      argv: options.argv,
      env: options.env,
      cwd: options.cwd,
      cgroupFd: cgroup?.number,
      cgroupNamespace: this.#isRoot,
      join: joined === undefined || joined.bits === 0 ? undefined : joined.join(),
      stdin: stdin.number,
      stdout: stdout.number,
      stderr: stderr.number,
      terminal: streams.terminal !== undefined,
      descriptors: descriptors.map(({ from, to }) => ({ from: from.number, to })),
      uid,
      gid: options.gid,
      groups: options.groups,
      capabilities: options.capabilities,
      noNewPrivileges: options.noNewPrivileges ?? (uid !== undefined && uid !== 0),
      seccomp: options.seccomp,
      resourceLimits: this.#limits(options.resourceLimits ?? []),
    });
    // While it is made, and nothing of this throws:
    joined?.doMeanwhile();
    if (this.#makesPipesAhead) {
      this.#pipes.makeAhead();
    }
    const launched = begun.end();
    joined?.entered();
    return launched;
  }

  #limits(asked: readonly ResourceLimit[]): ResourceLimit[] {
    const named = new Set(asked.map(({ resource }) => resource));
    return [...this.#defaultLimits.filter(({ resource }) => !named.has(resource)), ...asked];
  }

  #managed(
    { pid, namespacePid, pidfd }: LaunchedProcess,
    joined: KernelCellNamespaces | undefined,
    streams: Streams,
  ): ManagedProcess {
    const { watcher } = this;
    const exited = watcher.watch(pid, pidfd).then((end) => {
      streams.closeInput();
      joined?.left();
      return end;
    });
    let startTime: bigint | undefined;
    return {
      pid,
      get startTime() {
        // No process has started at 0.
        startTime ??= readProcStat(pid)?.startTime ?? 0n;
        return startTime;
      },
      namespacePid,
      exited,
      stdout: streams.stdout,
      stderr: streams.stderr,
      stdin: streams.stdin,
      outputs: streams.outputs,
      signalGroup(signal) {
        if (watcher.has(pid)) {
          kill(-pid, signal);
        }
      },
      resize: (size) => streams.terminal?.resize(size),
    };
  }

  adopt(
    identity: ProcessIdentity,
    outputs: OutputIdentity,
    members: readonly number[],
  ): ManagedProcess | undefined {
    return adoptProcess(this.watcher, this.poll, identity, outputs, members);
  }

  signal(pid: number, signal: number): void {
    kill(pid, signal);
  }

  groupOf(pid: number): number | undefined {
    const group = syscallRaw("getpgid", pid);
    return group < 0 ? undefined : group;
  }

  owns(pid: number): boolean {
    return this.watcher.has(pid);
  }

  [Symbol.dispose](): void {
    this.watcher[Symbol.dispose]();
    this.#pipes[Symbol.dispose]();
    this.poll[Symbol.dispose]();
    this.#null[Symbol.dispose]();
    endLauncher();
  }
}
