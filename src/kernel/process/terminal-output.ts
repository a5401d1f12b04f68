/**
 * What a terminal shows, read by Bun's event loop: a terminal does not signal that its other side is closed (pty(7)), and is
 * gone with the daemon anyway.
 */
import { isErrno } from "../sys/error.ts";
import type { FileDescriptor } from "../sys/fd.ts";
import { HeldBytes } from "./held-bytes.ts";
import type { OutputPipe } from "./processes.ts";

function openReader(descriptor: FileDescriptor) {
  return Bun.file(descriptor.number).stream().getReader();
}

export class TerminalOutput extends HeldBytes implements OutputPipe {
  readonly #descriptor: FileDescriptor;
  readonly #reader: ReturnType<typeof openReader>;

  /** Takes the descriptor over. */
  constructor(descriptor: FileDescriptor) {
    super();
    this.#descriptor = descriptor;
    this.#reader = openReader(descriptor);
  }

  async readable(): Promise<boolean> {
    if (this.waitingBytes === 0) {
      const chunk = await this.#next();
      if (chunk === undefined) {
        return false;
      }
      this.hold(chunk);
    }
    return true;
  }

  async #next(): Promise<Uint8Array | undefined> {
    try {
      const { value } = await this.#reader.read();
      return value;
    } catch (error) {
      // That its other side is closed for good (ioctl_tty(2), pty(7)).
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
