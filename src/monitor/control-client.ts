/**
 * Asks a monitor by its control socket: one request after the other, each with a time within which it has to be answered.
 * What comes is believed as little as a guest is: whoever breaks the protocol is given up.
 */
import { Allowance } from "../base/allowance.ts";
import { AuraeError, messageOf } from "../base/errors.ts";
import { Turns } from "../base/turns.ts";
import type { SignalPoll } from "../kernel/io/signal-poll.ts";
import { PacketChannel } from "../kernel/net/packet-channel.ts";
import { SyscallError } from "../kernel/sys/error.ts";
import type { FileDescriptor } from "../kernel/sys/fd.ts";
import {
  MAX_MESSAGE_BYTES,
  type MethodName,
  type Methods,
  parseResult,
  parseVmmMessage,
  type Request,
  requestPacket,
  type VmmEvent,
  type VmmMessage,
} from "../vmm/protocol/messages.ts";

/** Requests that wait for others to be answered. */
const MAX_WAITING = 64;
const FIRST_ID_RANGE = 2 ** 40;
/** Of messages that nobody has asked for. While the daemon is away fewer than that can wait. */
const UNASKED_AT_ONCE = 2000;
const UNASKED_PER_SECOND = 50;

export interface ControlHandler {
  event(event: VmmEvent): void;
  /** It has closed its end, as it does when it ends. Nothing is told after that. */
  closed(): void;
  /** It broke the protocol. Nothing is told after that. */
  broken(reason: string): void;
}

type Answer = Exclude<VmmMessage, VmmEvent>;

interface Pending {
  readonly id: number;
  settle(answer: Answer): void;
  fail(error: AuraeError): void;
}

export class ControlClient implements Disposable {
  readonly #vm: string;
  readonly #channel: PacketChannel;
  readonly #handler: ControlHandler;
  /** An earlier daemon's answers may still come: their ids are others. */
  #nextId = Math.floor(Math.random() * FIRST_ID_RANGE);
  #pending: Pending | undefined;
  readonly #turns = new Turns();
  #waiting = 0;
  #closed: AuraeError | undefined;
  readonly #unasked = new Allowance(UNASKED_AT_ONCE, UNASKED_PER_SECOND);

  /** @param descriptor the daemon's end of the socket; it is taken over */
  constructor(vm: string, descriptor: FileDescriptor, poll: SignalPoll, handler: ControlHandler) {
    this.#vm = vm;
    this.#handler = handler;
    this.#channel = new PacketChannel(descriptor, poll, MAX_MESSAGE_BYTES, {
      packet: (bytes, isCut) => this.#receive(bytes, isCut),
      end: () => {
        if (this.#closed === undefined) {
          this.close("has closed its control socket");
          handler.closed();
        }
      },
    });
  }

  /**
   * @param descriptors that go along
   * @throws {AuraeError} what the monitor refuses; `deadline_exceeded` when it does not answer; `unavailable` when it is gone
   */
  async request<M extends MethodName>(
    method: M,
    params: Methods[M]["params"],
    timeoutMs: number,
    descriptors: readonly number[] = [],
  ): Promise<Methods[M]["result"]> {
    if (this.#waiting >= MAX_WAITING) {
      throw this.#error("unavailable", `has ${MAX_WAITING} requests to answer; try again later`);
    }
    this.#waiting += 1;
    try {
      return await this.#turns.take(() => this.#ask(method, params, timeoutMs, descriptors));
    } finally {
      this.#waiting -= 1;
    }
  }

  #ask<M extends MethodName>(
    method: M,
    params: Methods[M]["params"],
    timeoutMs: number,
    descriptors: readonly number[],
  ): Promise<Methods[M]["result"]> {
    if (this.#closed !== undefined) {
      return Promise.reject(this.#closed);
    }
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<Methods[M]["result"]>();
    const timer = setTimeout(() => {
      const seconds = `${timeoutMs / 1000} s`;
      this.#pending?.fail(
        this.#error("deadline_exceeded", `did not answer "${method}" within ${seconds}`),
      );
    }, timeoutMs);
    const done = (): void => {
      clearTimeout(timer);
      this.#pending = undefined;
    };
    this.#pending = {
      id,
      settle: (answer) => {
        if ("error" in answer) {
          done();
          reject(new AuraeError(answer.error.kind, answer.error.message, { resource: this.#vm }));
        } else {
          // What is no answer leaves the request as it is, to fail with all others.
          const result = parseResult(method, answer.result);
          done();
          resolve(result);
        }
      },
      fail: (error) => {
        done();
        reject(error);
      },
    };
    try {
      // The table has for each method what its request has.
      this.#channel.send(requestPacket({ id, method, params } as Request), descriptors);
    } catch (error) {
      const what =
        error instanceof SyscallError
          ? this.#error("unavailable", `does not take requests (${error.code})`, error)
          : error;
      done();
      reject(what);
    }
    return promise;
  }

  #error(kind: "unavailable" | "deadline_exceeded", what: string, cause?: unknown): AuraeError {
    const resource = this.#vm;
    return new AuraeError(kind, `the monitor of VM '${resource}' ${what}`, { resource, cause });
  }

  #receive(bytes: Uint8Array, isCut: boolean): void {
    try {
      if (isCut) {
        throw new Error(`a message of more than ${MAX_MESSAGE_BYTES} bytes`);
      }
      const message = parseVmmMessage(bytes);
      if (!("event" in message) && message.id === this.#pending?.id) {
        this.#pending.settle(message);
        return;
      }
      // An event, or the answer to what nobody waits for any more.
      if (!this.#unasked.take()) {
        throw new Error("it says without end what nobody has asked for");
      }
      if ("event" in message) {
        this.#handler.event(message);
      }
    } catch (error) {
      if (this.#closed === undefined) {
        const reason = `broke the control protocol: ${messageOf(error)}`;
        this.close(reason);
        this.#handler.broken(reason);
      }
    }
  }

  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /** Takes what it has said already. */
  drain(): void {
    this.#channel.look();
  }

  /** Nothing is asked any more. @param what goes on the sentence "the monitor of VM 'x'" */
  close(what: string): void {
    this.#closed = this.#error("unavailable", what);
    this.#pending?.fail(this.#closed);
  }

  [Symbol.dispose](): void {
    if (this.#closed === undefined) {
      this.close("is gone");
    }
    this.#channel[Symbol.dispose]();
  }
}
