/**
 * Output pipes: pipe2(2), read by Bun's event loop.
 *
 * The process gets one descriptor for both ends. So there is a reader for as long as there is a writer: while the
 * daemon is away nothing gets SIGPIPE, output waits in the pipe, and the daemon's successor opens it again through
 * /proc. The end of the output still comes with the last process that holds it.
 */
import { fstatSync, openSync, readdirSync, statSync } from "node:fs";
import { F_SETPIPE_SZ, O_CLOEXEC, O_NONBLOCK, O_RDONLY, O_RDWR } from "../abi/open.ts";
import { isErrno } from "../sys/error.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { syscall, syscallRaw } from "../sys/syscall.ts";
import type { OutputPipe } from "./processes.ts";

/** What a process can write while nobody reads. The kernel's own is 64 KiB; that stays where it refuses more. */
const PIPE_BYTES = 256 * 1024;

function openReader(descriptor: FileDescriptor) {
  return Bun.file(descriptor.number).stream().getReader();
}

/** The daemon's end of an output stream: of a pipe, or of a terminal. */
export class KernelPipe implements OutputPipe {
  readonly #descriptor: FileDescriptor;
  readonly #reader: ReturnType<typeof openReader>;

  /** Takes the descriptor over. */
  constructor(descriptor: FileDescriptor) {
    this.#descriptor = descriptor;
    this.#reader = openReader(descriptor);
  }

  async *read(): AsyncIterable<Uint8Array> {
    try {
      for (;;) {
        const chunk = await this.#next();
        if (chunk === undefined) {
          return;
        }
        yield chunk;
      }
    } finally {
      await this.close();
    }
  }

  async #next(): Promise<Uint8Array | undefined> {
    try {
      const { value } = await this.#reader.read();
      return value;
    } catch (error) {
      // A terminal says so when its other side is closed for good (ioctl_tty(2), pty(7)).
      if (isErrno(error, "EIO")) {
        return undefined;
      }
      throw error;
    }
  }

  async close(): Promise<void> {
    try {
      // Bun stops polling the descriptor before it is closed, and does not close it itself.
      await this.#reader.cancel();
    } catch (error) {
      if (!isErrno(error, "EIO")) {
        throw error;
      }
    } finally {
      this.#descriptor[Symbol.dispose]();
    }
  }
}

/** A stream of nothing. */
export const ENDED_PIPE: OutputPipe = {
  async *read() {
    // Ended from the start.
  },
  async close() {
    // Nothing is open.
  },
};

export interface OutputPipeEnds {
  readonly pipe: KernelPipe;
  /** For the process: both ends. The caller closes it once the process has it. */
  readonly writer: FileDescriptor;
  readonly inode: bigint;
}

/** Makes an output pipe. */
export function createOutputPipe(): OutputPipeEnds {
  using stack = new DisposableStack();
  const ends = new Int32Array(2);
  syscall("pipe2", "for output", ends, O_CLOEXEC);
  const reader = stack.use(new FileDescriptor(ends[0] ?? -1));
  using oneEnd = new FileDescriptor(ends[1] ?? -1);
  syscallRaw("fcntl", oneEnd.number, F_SETPIPE_SZ, PIPE_BYTES);
  const bothEnds = openSync(`/proc/self/fd/${oneEnd.number}`, O_RDWR | O_CLOEXEC);
  const writer = stack.use(new FileDescriptor(bothEnds));
  const inode = fstatSync(writer.number, { bigint: true }).ino;
  const pipe = new KernelPipe(new FileDescriptor(reader.release()));
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
export function findOutputPipe(inode: bigint, holders: readonly number[]): KernelPipe | undefined {
  for (const pid of holders) {
    for (const name of descriptorsOf(pid)) {
      const path = `/proc/${pid}/fd/${name}`;
      const descriptor = inodeOf(path) === inode ? openThrough(path, inode) : undefined;
      if (descriptor !== undefined) {
        return new KernelPipe(descriptor);
      }
    }
  }
  return undefined;
}
