/**
 * The door to processes: start one in a control group with its output on pipes, signal it, learn how it ended.
 * Implemented by the kernel (`kernel-processes.ts`) and in memory (`../fake/fake-processes.ts`).
 */
import type { FileDescriptor } from "../sys/fd.ts";
import type { ExitStatus } from "./exit-status.ts";

export interface StartOptions {
  /** Absolute paths, tried in order until one is there. */
  readonly paths: readonly string[];
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** The directory of the control group to be born in. Left out: the daemon's own group. */
  readonly cgroup?: FileDescriptor | undefined;
  /** Left out: the daemon's. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/** A running process that leads a session and a process group of its own. */
export interface ManagedProcess {
  /** As the daemon sees it. */
  readonly pid: number;
  readonly exited: Promise<ExitStatus>;
  readonly stdout: OutputPipe;
  readonly stderr: OutputPipe;
  /** Sends a signal to the whole process group. Once the leader is reaped, nothing is sent: its id may be another's. */
  signalGroup(signal: number): void;
}

/** The reading end of one output stream. */
export interface OutputPipe {
  /** The bytes as they come. Ends when no process holds the writing end any more, or when the pipe is closed. */
  read(): AsyncIterable<Uint8Array>;
  /** Ends the reading. */
  close(): Promise<void>;
}

export interface Processes {
  /** @throws {LaunchError} naming the step that failed; nothing is left behind then */
  start(options: StartOptions): ManagedProcess;
  /** Sends a signal to one process; one that has ended is no error. */
  signal(pid: number, signal: number): void;
  /** The process group that a process is in; undefined once it has ended. */
  groupOf(pid: number): number | undefined;
  /** Whether the process is one of ours that is not reaped yet. */
  owns(pid: number): boolean;
}
