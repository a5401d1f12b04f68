/** Output pipes: pipe2(2), read by Bun's event loop. */
import { O_CLOEXEC } from "../abi/open.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { syscall } from "../sys/syscall.ts";
import type { OutputPipe } from "./processes.ts";

function openReader(descriptor: FileDescriptor) {
  return Bun.file(descriptor.number).stream().getReader();
}

export class KernelPipe implements OutputPipe {
  readonly #descriptor: FileDescriptor;
  readonly #reader: ReturnType<typeof openReader>;

  private constructor(descriptor: FileDescriptor) {
    this.#descriptor = descriptor;
    this.#reader = openReader(descriptor);
  }

  /** A pipe, and the writing end for the child; the caller closes that once the child has it. */
  static create(): { pipe: KernelPipe; writer: FileDescriptor } {
    const ends = new Int32Array(2);
    syscall("pipe2", "for output", ends, O_CLOEXEC);
    const writer = new FileDescriptor(ends[1] ?? -1);
    try {
      return { pipe: new KernelPipe(new FileDescriptor(ends[0] ?? -1)), writer };
    } catch (error) {
      writer[Symbol.dispose]();
      throw error;
    }
  }

  async *read(): AsyncIterable<Uint8Array> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) {
          return;
        }
        yield value;
      }
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    // Bun stops polling the descriptor before it is closed, and does not close it itself.
    await this.#reader.cancel();
    this.#descriptor[Symbol.dispose]();
  }
}
