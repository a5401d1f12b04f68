/** The standard streams of a process that is to be started: the daemon's sides, and the descriptors for the process. */
import { fchownSync } from "node:fs";
import type { SignalPoll } from "../io/signal-poll.ts";
import type { FileDescriptor } from "../sys/fd.ts";
import { createInputPipe } from "./input-pipe.ts";
import { createOutputPipe, ENDED_PIPE, type OutputPipeEnds } from "./pipe.ts";
import type {
  InputPipe,
  OutputIdentity,
  OutputPipe,
  StdinKind,
  TerminalSize,
} from "./processes.ts";
import { DEFAULT_TERMINAL_SIZE, Terminal } from "./terminal.ts";

export interface Streams {
  readonly stdout: OutputPipe;
  readonly stderr: OutputPipe;
  readonly stdin: InputPipe | undefined;
  readonly outputs: OutputIdentity;
  readonly terminal: Terminal | undefined;
  /** For 0, 1 and 2 of the process. */
  readonly forProcess: readonly [FileDescriptor, FileDescriptor, FileDescriptor];
  /** The process has them, or there is none. */
  closeForProcess(): void;
  /** Nobody reads any more: closes what is written to it. Output can still be read. */
  closeInput(): void;
  /** There is no process: closes the daemon's sides. */
  abandon(): void;
}

/** `(gid_t) -1`, chown(2) */
const SAME_GROUP = 0xffff_ffff;

/** Standard output and standard error. */
const STREAMS = 2;

function terminalStreams(size: TerminalSize): Streams {
  const { terminal, slave } = Terminal.create(size);
  return {
    stdout: terminal.output,
    stderr: ENDED_PIPE,
    stdin: terminal.input,
    outputs: { stdoutInode: 0n, stderrInode: 0n },
    terminal,
    forProcess: [slave, slave, slave],
    closeForProcess: () => slave[Symbol.dispose](),
    closeInput: () => terminal[Symbol.dispose](),
    abandon() {
      void terminal.output.close();
      terminal[Symbol.dispose]();
    },
  };
}

/** Pipes for output, of which those of the next process may be there already. */
export class OutputPipes implements Disposable {
  readonly #poll: SignalPoll;
  readonly #spares: OutputPipeEnds[] = [];

  /** @param poll tells of their output */
  constructor(poll: SignalPoll) {
    this.#poll = poll;
  }

  /** @throws {SyscallError} */
  take(): OutputPipeEnds {
    return this.#spares.pop() ?? createOutputPipe(this.#poll);
  }

  /** Makes those of the next process. */
  makeAhead(): void {
    try {
      while (this.#spares.length < STREAMS) {
        this.#spares.push(createOutputPipe(this.#poll));
      }
    } catch {
      // EMFILE: whoever needs one is told
    }
  }

  [Symbol.dispose](): void {
    for (const { pipe, writer } of this.#spares.splice(0)) {
      void pipe.close();
      writer[Symbol.dispose]();
    }
  }
}

function pipeStreams(pipes: OutputPipes, stdin: "null" | "pipe", nothing: FileDescriptor): Streams {
  using undo = new DisposableStack();
  const stdout = pipes.take();
  undo.defer(() => void stdout.pipe.close());
  undo.use(stdout.writer);
  const stderr = pipes.take();
  undo.defer(() => void stderr.pipe.close());
  undo.use(stderr.writer);
  const input = stdin === "pipe" ? createInputPipe() : undefined;
  undo.move();
  return {
    stdout: stdout.pipe,
    stderr: stderr.pipe,
    stdin: input?.input,
    outputs: { stdoutInode: stdout.inode, stderrInode: stderr.inode },
    terminal: undefined,
    forProcess: [input?.reader ?? nothing, stdout.writer, stderr.writer],
    closeForProcess() {
      stdout.writer[Symbol.dispose]();
      stderr.writer[Symbol.dispose]();
      input?.reader[Symbol.dispose]();
    },
    closeInput: () => input?.input[Symbol.dispose](),
    abandon() {
      void stdout.pipe.close();
      void stderr.pipe.close();
      input?.input[Symbol.dispose]();
    },
  };
}

/**
 * Makes the streams.
 * @param nothing /dev/null
 */
export function createStreams(
  pipes: OutputPipes,
  stdin: StdinKind,
  size: TerminalSize | undefined,
  nothing: FileDescriptor,
): Streams {
  return stdin === "terminal"
    ? terminalStreams(size ?? DEFAULT_TERMINAL_SIZE)
    : pipeStreams(pipes, stdin, nothing);
}

/** Lets a user open them again, as /dev/stdout or by the terminal's name. The group stays. */
export function giveStreamsTo(uid: number, streams: Streams, nothing: FileDescriptor): void {
  for (const descriptor of new Set(streams.forProcess)) {
    if (descriptor !== nothing) {
      fchownSync(descriptor.number, uid, SAME_GROUP);
    }
  }
}
