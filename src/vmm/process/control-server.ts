/**
 * The control socket's side in the monitor: takes requests, has the machine do them, and tells what happens to it. It
 * blocks in poll(2), and works on one thing after the other. The daemon may be away for as long as it likes: what is said
 * to it meanwhile waits, within bounds.
 */
import { ERRNO } from "../../kernel/abi/errno.ts";
import { POLLIN, POLLOUT } from "../../kernel/abi/poll.ts";
import { PollList } from "../../kernel/io/poll-list.ts";
import { receivePacket, sendPacket } from "../../kernel/net/packet-socket.ts";
import { SyscallError } from "../../kernel/sys/error.ts";
import type { FileDescriptor } from "../../kernel/sys/fd.ts";
import {
  MAX_MESSAGE_BYTES,
  parseRequest,
  type Request,
  type VmmEvent,
  type VmmMessage,
  vmmPacket,
} from "../protocol/messages.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";
import { failureOf } from "./failure.ts";

/** Of messages that the daemon has not taken. No requests are read while any waits, so that there are few. */
const MAX_WAITING = 64;

/** Who does what is asked: `Monitor`. */
export interface Served {
  /** What the process ends with, once it is to. */
  readonly exitCode: number | undefined;
  /** Readable when there are events. */
  readonly eventFd: number | undefined;
  /** @throws whatever `failureOf` knows */
  handle(request: Request, descriptors: readonly FileDescriptor[]): unknown;
  takeEvents(): readonly VmmEvent[];
}

export class ControlServer {
  readonly #socket: number;
  readonly #monitor: Served;
  readonly #buffer = new Uint8Array(MAX_MESSAGE_BYTES);
  readonly #list = new PollList();
  readonly #waiting: Uint8Array[] = [];
  #isGone = false;

  constructor(socket: number, monitor: Served) {
    this.#socket = socket;
    this.#monitor = monitor;
  }

  /** Until the machine has ended, or is to. @returns the process's exit code */
  run(): number {
    for (;;) {
      this.#wait();
      this.#tellEvents();
      this.#flush();
      const code = this.#monitor.exitCode;
      if (code !== undefined) {
        return code;
      }
      this.#takeRequest();
      const quitCode = this.#monitor.exitCode;
      if (quitCode !== undefined) {
        this.#flush();
        return quitCode;
      }
    }
  }

  /** Nobody may be there to ask anything; then the guest runs on, and its end is the process's. */
  #wait(): void {
    const { eventFd } = this.#monitor;
    this.#list.clear();
    if (!this.#isGone) {
      this.#list.add(this.#socket, this.#waiting.length > 0 ? POLLOUT : POLLIN);
    }
    if (eventFd !== undefined) {
      this.#list.add(eventFd, POLLIN);
    }
    if (this.#list.count === 0) {
      throw new Error("nobody is there to say what to do");
    }
    this.#list.wait(-1);
  }

  #takeRequest(): void {
    if (this.#isGone || this.#waiting.length > 0) {
      return;
    }
    const packet = receivePacket(this.#socket, this.#buffer);
    if (typeof packet === "number") {
      if (packet !== -ERRNO.EAGAIN && packet !== -ERRNO.EINTR) {
        throw new SyscallError("recvmsg", -packet, "the control socket");
      }
      return;
    }
    const { bytes, descriptors, isCut } = packet;
    try {
      if (bytes.length === 0) {
        this.#isGone = true;
        return;
      }
      this.#answer(bytes, descriptors, isCut);
    } finally {
      for (const descriptor of descriptors) {
        descriptor[Symbol.dispose]();
      }
    }
  }

  #answer(bytes: Uint8Array, descriptors: readonly FileDescriptor[], isCut: boolean): void {
    let id: number | undefined;
    try {
      if (isCut) {
        throw new ProtocolError(
          `a message of more than ${MAX_MESSAGE_BYTES} bytes, or descriptors`,
        );
      }
      const request = parseRequest(bytes);
      id = request.id;
      this.#send({ id, result: this.#monitor.handle(request, descriptors) });
    } catch (error) {
      const to = id ?? (error instanceof ProtocolError ? error.requestId : undefined);
      const failure = failureOf(error);
      if (to === undefined) {
        const fields = { error: failure.message };
        this.#send({
          event: "log",
          level: "warn",
          message: "a request was not understood",
          fields,
        });
      } else {
        this.#send({ id: to, error: failure });
      }
    }
  }

  #tellEvents(): void {
    for (const event of this.#monitor.takeEvents()) {
      if (event.event === "ended" || this.#waiting.length < MAX_WAITING) {
        this.#send(event);
      }
    }
  }

  #send(message: VmmMessage): void {
    if (!this.#isGone) {
      this.#waiting.push(vmmPacket(message));
      this.#flush();
    }
  }

  /** Sends what there is room for. */
  #flush(): void {
    for (let packet = this.#waiting[0]; packet !== undefined; packet = this.#waiting[0]) {
      const result = sendPacket(this.#socket, packet);
      if (result === -ERRNO.EAGAIN) {
        return;
      }
      if (result < 0) {
        this.#isGone = true; // nobody will ever read it
        this.#waiting.length = 0;
        return;
      }
      this.#waiting.shift();
    }
  }
}
