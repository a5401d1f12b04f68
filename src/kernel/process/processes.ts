/**
 * The door to processes: start one in a control group and in namespaces, with its output on pipes or on a terminal,
 * signal it, learn how it ended, and find it again after the daemon was away. Implemented by the kernel
 * (`kernel-processes.ts`) and in memory (`../fake/fake-processes.ts`).
 */
import type { CellNamespaces } from "../namespace/namespaces.ts";
import type { FileDescriptor } from "../sys/fd.ts";
import type { ExitStatus } from "./exit-status.ts";
import type { ResourceLimit } from "./launch-plan.ts";

/** `null`: /dev/null. `pipe`: what `stdin.write` gets. `terminal`: a new one, which is the output as well. */
export type StdinKind = "null" | "pipe" | "terminal";

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** What a process may do. What is left out is the daemon's. */
export interface Credentials {
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Supplementary groups; left out with a uid or a gid: none. */
  readonly groups?: readonly number[] | undefined;
  /** Bit N is capability N (capabilities(7)): the bounding, permitted, effective, inheritable and ambient sets. */
  readonly capabilities?: bigint | undefined;
  readonly noNewPrivileges?: boolean | undefined;
  /** `struct sock_filter[]` (seccomp(2)). */
  readonly seccomp?: Uint8Array | undefined;
}

export interface StartOptions extends Credentials {
  /** Absolute paths, tried in order until one is there. */
  readonly paths: readonly string[];
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** The directory of the control group to be born in. Left out: the daemon's own group. */
  readonly cgroup?: FileDescriptor | undefined;
  /** Whose namespaces it is born in. Left out: the daemon's. A cgroup namespace it always gets for itself. */
  readonly namespaces?: CellNamespaces | undefined;
  /** In place of those that every process gets. */
  readonly resourceLimits?: readonly ResourceLimit[] | undefined;
  readonly stdin?: StdinKind | undefined;
  readonly terminalSize?: TerminalSize | undefined;
  /** Further descriptors that it has from the start, by their numbers in it. */
  readonly descriptors?: readonly { readonly from: FileDescriptor; readonly to: number }[];
}

/** What it takes to know a process for what it is after the daemon was away. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since the boot (proc(5), /proc/pid/stat, starttime): with the pid, it names one process for good. */
  readonly startTime: bigint;
}

/** How a process ended. */
export interface ProcessEnd {
  /** Undefined when nobody can tell any more: it was not our child, and the kernel does not say. */
  readonly status: ExitStatus | undefined;
  /** Of the process and of its children that it waited for (getrusage(2)). */
  readonly maxRssBytes: number;
}

/** A running process that leads a session and a process group of its own. */
export interface ManagedProcess extends ProcessIdentity {
  /** Asked of the kernel when somebody wants it, which is to be before the event loop has its turn: one that is reaped has 0. */
  readonly startTime: bigint;
  /** As itself and its cell see it. */
  readonly namespacePid: number;
  readonly exited: Promise<ProcessEnd>;
  /** Output, or all that its terminal shows. */
  readonly stdout: OutputPipe;
  /** Ends at once with a terminal. */
  readonly stderr: OutputPipe;
  /** Undefined without input. */
  readonly stdin: InputPipe | undefined;
  /** What finds the output pipes again: their inodes. */
  readonly outputs: OutputIdentity;
  /** Sends a signal to the whole process group. Once the leader is reaped, nothing is sent: its id may be another's. */
  signalGroup(signal: number): void;
  /** Tells the terminal its size; without one, nothing happens. */
  resize(size: TerminalSize): void;
}

export interface OutputIdentity {
  readonly stdoutInode: bigint;
  readonly stderrInode: bigint;
}

/** What waits in an output stream. Whoever takes it is the only one to get it. */
export interface OutputBytes {
  /** How many bytes wait. */
  readonly waitingBytes: number;
  /**
   * Moves bytes into a file, at an offset. Of a pipe, that is one step of the kernel: a daemon that is killed meanwhile has
   * left each byte in one place, the pipe or the file.
   * @returns how many; 0 if nothing waits
   * @throws {SyscallError} what can't be written still waits
   */
  moveTo(fd: number, position: number, maxBytes: number): number;
  /** Takes some of the bytes into memory. @returns what then is the caller's; none if nothing waits @throws {SyscallError} */
  take(): Uint8Array;
}

/** The reading end of one output stream, for one reader. */
export interface OutputPipe extends OutputBytes {
  /**
   * Resolves to true when something waits, once everything else had its turn, and to false when no process holds the
   * writing end any more and nothing waits, or when the pipe is closed.
   */
  readable(): Promise<boolean>;
  /** Ends the reading. */
  close(): Promise<void>;
}

/** The writing end of standard input. */
export interface InputPipe {
  /**
   * Resolves when the process, or the pipe's buffer, has taken all.
   * @param signal whose abort drops what was not taken, and rejects with its reason
   * @throws {SyscallError} EPIPE once nobody reads
   */
  write(bytes: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** Standard input ends here. */
  end(): void;
}

export interface Processes {
  /** @throws {LaunchError} naming the step that failed; nothing is left behind then */
  start(options: StartOptions): ManagedProcess;
  /**
   * Finds a process that an earlier daemon started. Its pipes have outlived that daemon, since the process holds both
   * ends of them.
   * @param members the processes in its control group, any of which may hold the pipes
   * @returns undefined when it has ended
   */
  adopt(
    identity: ProcessIdentity,
    outputs: OutputIdentity,
    members: readonly number[],
  ): ManagedProcess | undefined;
  /** Sends a signal to one process; one that has ended is no error. */
  signal(pid: number, signal: number): void;
  /** The process group that a process is in; undefined once it has ended. */
  groupOf(pid: number): number | undefined;
  /** Whether the process is one of ours that is not reaped yet. */
  owns(pid: number): boolean;
}
