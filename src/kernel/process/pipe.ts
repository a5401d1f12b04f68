/**
 * Output pipes: pipe2(2) (`ffi/output_pipe.c`), told of by a `SignalPoll`, and emptied by splice(2) into a file or by read(2).
 *
 * The process gets one descriptor for both ends. So there is a reader for as long as there is a writer: while the
 * daemon is away nothing gets SIGPIPE, output waits in the pipe, and the daemon's successor opens it again through
 * /proc. The end of the output still comes with the last process that holds it.
 */
import { nextTurn } from "../../base/next-turn.ts";
import { fstatSync, openSync, readdirSync, statSync } from "node:fs";
import { ERRNO } from "../abi/errno.ts";
import { layout } from "../abi/layout.ts";
import { O_CLOEXEC, O_NONBLOCK, O_RDONLY, SPLICE_F_MOVE, SPLICE_F_NONBLOCK } from "../abi/open.ts";
import { FIONREAD } from "../abi/tty.ts";
import { EPOLLHUP } from "../abi/wait.ts";
import type { SignalPoll } from "../io/signal-poll.ts";
import { isErrno, SyscallError } from "../sys/error.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { library } from "../sys/library.ts";
import { addressOf } from "../sys/memory.ts";
import { type SyscallArgument, syscall, syscallRaw } from "../sys/syscall.ts";
import { HeldBytes } from "./held-bytes.ts";
import type { OutputPipe } from "./processes.ts";

/** What a process can write while nobody reads. The kernel's own is 64 KiB; that stays where it refuses more. */
const PIPE_BYTES = 256 * 1024;

/** Most bytes that are read into memory at a time. */
const READ_BYTES = 64 * 1024;

/** While more comes all the time: how long it may gather, unless this much came since the last time. */
const GATHER_MS = 1;
const BUSY_BYTES = 32 * 1024;

/** So many turns may follow each other faster than that. */
const QUICK_TURNS = 8;

/** `struct au_output_pipe` of `ffi/output_pipe.c` */
const OUTPUT_PIPE = layout({ inode: "u64", reader: "i32", writer: "i32" });

/** For calls, of which there is one at a time. */
const made = OUTPUT_PIPE.make({});
const scratch = { count: new Int32Array(1), offset: new BigInt64Array(1) };
let readBuffer: Uint8Array | undefined;

/** The daemon's end of an output pipe. */
export class KernelPipe implements OutputPipe {
  readonly #descriptor: FileDescriptor;
  readonly #poll: SignalPoll;
  /** What was read and could not be written, where the file can't be spliced to. */
  #held: HeldBytes | undefined;
  #wake: (() => void) | undefined;
  #hasWriters = true;
  #hasSignals = false;
  /** Whether each pause brings more. */
  #isFlowing = false;
  /** Since something was last said to wait. */
  #takenBytes = 0;
  #turnMs = 0;
  #quickTurns = 0;

  /** Takes the descriptor over, which does not block. @throws {SyscallError} */
  constructor(descriptor: FileDescriptor, poll: SignalPoll) {
    this.#descriptor = descriptor;
    this.#poll = poll;
    try {
      poll.add(descriptor.number, (events) => this.#onChange(events));
    } catch (error) {
      descriptor[Symbol.dispose]();
      throw error;
    }
  }

  #onChange(events: number): void {
    if ((events & EPOLLHUP) !== 0) {
      this.#hasWriters = false;
    } else {
      // One is enough. Each write sends one, and may interrupt all that the daemon does until it is looked at.
      this.#setSignals(false);
    }
    this.#wake?.();
    this.#wake = undefined;
  }

  get waitingBytes(): number {
    if (this.#held !== undefined && this.#held.waitingBytes > 0) {
      return this.#held.waitingBytes;
    }
    if (this.#descriptor.isClosed) {
      return 0;
    }
    // SAFETY: the kernel writes one int.
    syscall("ioctl", "FIONREAD", this.#descriptor.number, FIONREAD, scratch.count);
    return scratch.count[0] ?? 0;
  }

  async readable(): Promise<boolean> {
    let waitingBytes = this.waitingBytes;
    if (this.#takenBytes > 0 && (this.#isQuick() || this.#isFlowing || waitingBytes > 0)) {
      await this.#pause();
      waitingBytes = this.waitingBytes;
      this.#isFlowing = waitingBytes > 0;
    }
    this.#takenBytes = 0;
    for (;;) {
      if (waitingBytes > 0 || this.#descriptor.isClosed || !this.#hasWriters) {
        return waitingBytes > 0;
      }
      await this.#changed();
      waitingBytes = this.waitingBytes;
    }
  }

  /** Whether the last turns followed each other faster than is worth a signal each. */
  #isQuick(): boolean {
    const nowMs = performance.now();
    this.#quickTurns = nowMs - this.#turnMs < GATHER_MS ? this.#quickTurns + 1 : 0;
    this.#turnMs = nowMs;
    return this.#quickTurns >= QUICK_TURNS;
  }

  /**
   * Lets everything else have its turn, and more of the output come, so that who writes all the time does not have a signal
   * sent for each turn.
   */
  async #pause(): Promise<void> {
    this.#setSignals(false);
    if (this.#takenBytes >= BUSY_BYTES) {
      await nextTurn();
    } else {
      await Bun.sleep(GATHER_MS);
    }
  }

  async #changed(): Promise<void> {
    if (this.#hasSignals) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    } else {
      // Of what came before, no signal told.
      this.#setSignals(true);
      this.#poll.look();
    }
  }

  #setSignals(areSent: boolean): void {
    if (this.#hasSignals !== areSent && !this.#descriptor.isClosed) {
      this.#hasSignals = areSent;
      this.#poll.setSignals(this.#descriptor.number, areSent);
    }
  }

  moveTo(fd: number, position: number, maxBytes: number): number {
    const count = this.#held === undefined ? this.#splice(fd, position, maxBytes) : undefined;
    if (count !== undefined) {
      this.#takenBytes += count;
      return count;
    }
    this.#held ??= new HeldBytes();
    if (this.#held.waitingBytes === 0) {
      this.#held.hold(this.#read());
    }
    return this.#held.moveTo(fd, position, maxBytes);
  }

  /** @returns undefined where that can't be done */
  #splice(fd: number, position: number, maxBytes: number): number | undefined {
    scratch.offset[0] = BigInt(position);
    const flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
    return this.#call("splice", null, fd, scratch.offset, maxBytes, flags);
  }

  take(): Uint8Array {
    return this.#held !== undefined && this.#held.waitingBytes > 0
      ? this.#held.take()
      : this.#read();
  }

  #read(): Uint8Array {
    readBuffer ??= new Uint8Array(READ_BYTES);
    const count = this.#call("read", readBuffer, readBuffer.length) ?? 0;
    this.#takenBytes += count;
    return readBuffer.slice(0, count);
  }

  /** @returns 0 when nothing waits, or when it is closed; undefined for EINVAL @throws {SyscallError} */
  #call(name: "splice" | "read", ...args: readonly SyscallArgument[]): number | undefined {
    for (;;) {
      // SAFETY: the kernel reads the offset, or writes into the buffer as much as fits; both are ours, and outlive this.
      const count = this.#descriptor.isClosed
        ? 0
        : syscallRaw(name, this.#descriptor.number, ...args);
      if (count >= 0 || count === -ERRNO.EAGAIN) {
        return Math.max(count, 0);
      }
      if (count === -ERRNO.EINVAL) {
        return undefined;
      }
      if (count !== -ERRNO.EINTR) {
        throw new SyscallError(name, -count, "output");
      }
    }
  }

  async close(): Promise<void> {
    if (!this.#descriptor.isClosed) {
      this.#poll.remove(this.#descriptor.number);
      this.#descriptor[Symbol.dispose]();
      this.#onChange(0);
    }
  }
}

/** A stream of nothing. */
export const ENDED_PIPE: OutputPipe = {
  waitingBytes: 0,
  moveTo: () => 0,
  take: () => new Uint8Array(0),
  readable: () => Promise.resolve(false),
  close: () => Promise.resolve(),
};

export interface OutputPipeEnds {
  readonly pipe: KernelPipe;
  /** For the process: both ends. The caller closes it once the process has it. */
  readonly writer: FileDescriptor;
  readonly inode: bigint;
}

/** Makes an output pipe. @throws {SyscallError} */
export function createOutputPipe(poll: SignalPoll): OutputPipeEnds {
  using stack = new DisposableStack();
  // SAFETY: the C side writes `made`, which outlives the call.
  const answer = Number(library().au_output_pipe(PIPE_BYTES, addressOf(made)));
  if (answer < 0) {
    throw new SyscallError("pipe2", -answer, "for output");
  }
  const reader = stack.use(new FileDescriptor(OUTPUT_PIPE.read(made, "reader")));
  const writer = stack.use(new FileDescriptor(OUTPUT_PIPE.read(made, "writer")));
  const inode = OUTPUT_PIPE.read(made, "inode");
  const pipe = new KernelPipe(reader, poll);
  stack.move();
  return { pipe, writer, inode };
}

function inodeOf(path: string): bigint | undefined {
  try {
    return statSync(path, { bigint: true }).ino;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH", "EACCES")) {
      return undefined;
    }
    throw error;
  }
}

function descriptorsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH", "EACCES")) {
      return [];
    }
    throw error;
  }
}

function openThrough(path: string, inode: bigint): FileDescriptor | undefined {
  try {
    const descriptor = new FileDescriptor(openSync(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    // The process may have put another file in its place meanwhile.
    if (fstatSync(descriptor.number, { bigint: true }).ino === inode) {
      return descriptor;
    }
    descriptor[Symbol.dispose]();
    return undefined;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH", "EACCES", "ENXIO")) {
      return undefined;
    }
    throw error;
  }
}

/** Opens a pipe that one of these processes holds. Undefined when none does. */
export function findOutputPipe(
  poll: SignalPoll,
  inode: bigint,
  holders: readonly number[],
): KernelPipe | undefined {
  for (const pid of holders) {
    for (const name of descriptorsOf(pid)) {
      const path = `/proc/${pid}/fd/${name}`;
      const descriptor = inodeOf(path) === inode ? openThrough(path, inode) : undefined;
      if (descriptor !== undefined) {
        return new KernelPipe(descriptor, poll);
      }
    }
  }
  return undefined;
}
