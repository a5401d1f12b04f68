/**
 * The guest's side of what it and its host say to each other (base/host-channel.ts). The connection does nothing but be
 * there, until a restore from a snapshot ends it: then the host tells of another life, and what this machine had of its
 * own is replaced by what is this one's.
 */
import { ERRNO } from "../kernel/abi/errno.ts";
import { EPOLLERR, EPOLLHUP } from "../kernel/abi/wait.ts";
import { messageOf } from "../base/errors.ts";
import {
  ASK_FOR_FILES,
  type Greeting,
  type GuestFile,
  HOST_CHANNEL_PORT,
  MAX_LINE_BYTES,
  parseFiles,
  parseFilesLine,
  parseGreeting,
} from "../base/host-channel.ts";
import { log } from "../base/log.ts";
import type { SignalPoll } from "../kernel/io/signal-poll.ts";
import type { FileDescriptor } from "../kernel/sys/fd.ts";
import { syscallRaw } from "../kernel/sys/syscall.ts";

const BUFFER_BYTES = 16 * 1024;
const FIRST_DELAY_MS = 200;
/** A host that serves nobody is asked no more often. */
const MAX_DELAY_MS = 60_000;
const NEWLINE = 0x0a;

export interface HostChannelOptions {
  /** Begins to connect, or answers -errno. */
  readonly connect: (port: number) => FileDescriptor | number;
  readonly poll: Pick<SignalPoll, "add" | "remove" | "setSignals">;
  /** Which life is known; undefined for none. */
  readonly life: string | undefined;
  /** The machine goes on as another one. At once, before its files come. */
  readonly onOtherLife: (greeting: Greeting) => void;
  /** What is its own from now on; perhaps nothing. @throws {Error} where it can't be taken up */
  readonly onFiles: (files: readonly GuestFile[]) => void;
}

export class HostChannel implements Disposable {
  readonly #options: HostChannelOptions;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #socket: FileDescriptor | undefined;
  #held = Buffer.alloc(0);
  /** Of the files that are to come; undefined while a line is. */
  #bodyBytes: number | undefined;
  #asked: string | undefined;
  #life: string | undefined;
  #delayMs = FIRST_DELAY_MS;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: HostChannelOptions) {
    this.#options = options;
    this.#life = options.life;
    this.#connect();
  }

  #connect(): void {
    const { connect, poll } = this.#options;
    try {
      const socket = connect(HOST_CHANNEL_PORT);
      if (typeof socket === "number") {
        this.#later();
        return;
      }
      this.#socket = socket;
      poll.add(socket.number, (events) => this.#changed(events));
      poll.setSignals(socket.number, true);
      this.#changed(0); // for what came before
    } catch (error) {
      log.warn("can't ask the host which machine this is", { error: messageOf(error) });
      this.#over();
    }
  }

  #later(): void {
    this.#timer = setTimeout(() => this.#connect(), this.#delayMs);
    this.#timer.unref();
    this.#delayMs = Math.min(this.#delayMs * 2, MAX_DELAY_MS);
  }

  #changed(events: number): void {
    const socket = this.#socket;
    if (socket === undefined) {
      return;
    }
    try {
      while (socket === this.#socket) {
        // SAFETY: the kernel writes at most the buffer's length.
        const count = syscallRaw("read", socket.number, this.#buffer, BUFFER_BYTES);
        if (count === -ERRNO.EAGAIN || count === -ERRNO.ENOTCONN) {
          break; // nothing more, or not connected: yet, or any more
        }
        if (count <= 0 && count !== -ERRNO.EINTR) {
          this.#over();
          return;
        }
        this.#take(this.#buffer.subarray(0, Math.max(count, 0)));
      }
    } catch (error) {
      log.error("could not take up what the host has for this machine", {
        error: messageOf(error),
      });
      this.#over();
      return;
    }
    if ((events & (EPOLLERR | EPOLLHUP)) !== 0) {
      this.#over();
    }
  }

  #take(bytes: Uint8Array): void {
    this.#held = Buffer.concat([this.#held, bytes]);
    for (;;) {
      if (this.#bodyBytes !== undefined) {
        if (this.#held.length < this.#bodyBytes) {
          return;
        }
        const body = this.#held.subarray(0, this.#bodyBytes);
        this.#held = this.#held.subarray(this.#bodyBytes);
        this.#bodyBytes = undefined;
        this.#takeFiles(body);
        continue;
      }
      const end = this.#held.indexOf(NEWLINE);
      if ((end < 0 ? this.#held.length : end) > MAX_LINE_BYTES) {
        throw new Error("the host's line has no end");
      }
      if (end < 0) {
        return;
      }
      const line = this.#held.subarray(0, end).toString("latin1");
      this.#held = this.#held.subarray(end + 1);
      this.#takeLine(line);
    }
  }

  #takeLine(line: string): void {
    if (this.#asked !== undefined) {
      this.#bodyBytes = parseFilesLine(line);
      if (this.#bodyBytes === undefined) {
        throw new Error(`the host answers ${JSON.stringify(line)}`);
      }
      return;
    }
    const greeting = parseGreeting(line);
    if (greeting === undefined) {
      throw new Error(`the host says ${JSON.stringify(line)}`);
    }
    // A machine that was told of none yet is what it was booted as.
    this.#life ??= greeting.life;
    if (greeting.life === this.#life) {
      this.#delayMs = FIRST_DELAY_MS;
      return;
    }
    this.#asked = greeting.life;
    this.#options.onOtherLife(greeting);
    const ask = Buffer.from(ASK_FOR_FILES);
    // SAFETY: the kernel reads the bytes of the array.
    const sent = syscallRaw("write", this.#socket?.number ?? -1, ask, ask.length);
    if (sent !== ask.length) {
      throw new Error(`ask the host: errno ${-sent}`);
    }
  }

  #takeFiles(body: Uint8Array): void {
    const life = this.#asked;
    this.#asked = undefined;
    this.#options.onFiles(parseFiles(body));
    this.#life = life;
    this.#delayMs = FIRST_DELAY_MS;
  }

  /** It ends with a restore, or with the host's daemon. */
  #over(): void {
    this.#close();
    this.#later();
  }

  #close(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#held = Buffer.alloc(0);
    this.#bodyBytes = undefined;
    this.#asked = undefined;
    if (socket !== undefined) {
      this.#options.poll.remove(socket.number);
      socket[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#close();
  }
}
