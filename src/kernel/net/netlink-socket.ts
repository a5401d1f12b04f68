/**
 * A socket to the kernel's routing tables (rtnetlink(7)). Requests are answered while they are sent, so they are
 * synchronous; events are waited for with a bound. Knows messages, not what they mean.
 */
import { ERRNO } from "../abi/errno.ts";
import {
  AF_NETLINK,
  MSG_TRUNC,
  NETLINK_ROUTE,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCKADDR_NL,
} from "../abi/netlink.ts";
import { POLLIN } from "../abi/poll.ts";
import { isReady } from "../io/poll-list.ts";
import { SyscallError } from "../sys/error.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { syscall, syscallRaw } from "../sys/syscall.ts";
import {
  decodeMessages,
  encodeMessage,
  type NetlinkAttribute,
  type NetlinkMessage,
} from "./netlink-message.ts";

/** The kernel sends dumps in pieces of at most 32 KiB. */
const RECEIVE_BYTES = 64 * 1024;
/** How many messages one dump may have: some thousand interfaces with some addresses each. */
const MAX_DUMP_MESSAGES = 65_536;

export interface NetlinkRequest {
  /** What it does and to what, for the message of its error. */
  readonly name: string;
  readonly type: number;
  /** NLM_F_*, besides NLM_F_REQUEST. */
  readonly flags?: number;
  readonly payload: DataView;
  readonly attributes?: readonly NetlinkAttribute[];
}

export class NetlinkSocket implements Disposable {
  readonly #fd: FileDescriptor;
  readonly #buffer = new Uint8Array(RECEIVE_BYTES);
  #sequence = 0;

  /** @param groups RTMGRP_* whose events are to be received; a socket with groups is for events only */
  constructor(groups = 0) {
    const type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
    this.#fd = new FileDescriptor(syscall("socket", "netlink", AF_NETLINK, type, NETLINK_ROUTE));
    const address = new DataView(new ArrayBuffer(SOCKADDR_NL.size));
    SOCKADDR_NL.write(address, { nl_family: AF_NETLINK, nl_groups: groups });
    try {
      syscall("bind", "netlink", this.#fd.number, address, SOCKADDR_NL.size);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Changes something. @throws {SyscallError} the kernel's reason, EEXIST for what is there already */
  change(request: NetlinkRequest): void {
    this.#send(request, NLM_F_ACK);
    for (const message of this.#answers()) {
      if (message.type === NLMSG_ERROR) {
        this.#check(request, message);
        return;
      }
    }
    throw new SyscallError(request.name, ERRNO.EBADMSG);
  }

  /** Reads a table. @throws {SyscallError} */
  dump(request: NetlinkRequest): NetlinkMessage[] {
    this.#send(request, NLM_F_DUMP);
    const messages: NetlinkMessage[] = [];
    for (const message of this.#answers()) {
      if (message.type === NLMSG_DONE) {
        return messages;
      }
      if (message.type === NLMSG_ERROR) {
        this.#check(request, message);
      }
      messages.push({ ...message, payload: message.payload.slice() });
      if (messages.length > MAX_DUMP_MESSAGES) {
        throw new SyscallError(request.name, ERRNO.E2BIG);
      }
    }
    throw new SyscallError(request.name, ERRNO.EBADMSG);
  }

  /** Blocks until events come, for this long at most. @returns none when the time is over */
  events(timeoutMs: number): NetlinkMessage[] {
    const waitMs = Math.max(0, Math.ceil(timeoutMs));
    return isReady(this.#fd.number, POLLIN, waitMs) ? this.#receive() : [];
  }

  #send({ type, flags = 0, payload, attributes }: NetlinkRequest, more: number): void {
    this.#sequence += 1;
    const bytes = encodeMessage(
      {
        type,
        flags: NLM_F_REQUEST | flags | more,
        sequence: this.#sequence,
        payload: new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength),
      },
      attributes,
    );
    syscall("sendto", "netlink", this.#fd.number, bytes, bytes.length, 0, null, 0);
  }

  /** The answers to the last request, datagram by datagram, until the kernel has no more. */
  *#answers(): Generator<NetlinkMessage> {
    for (;;) {
      const messages = this.#receive();
      if (messages.length === 0) {
        return;
      }
      yield* messages.filter(({ sequence }) => sequence === this.#sequence);
    }
  }

  #receive(): NetlinkMessage[] {
    const { buffer } = { buffer: this.#buffer };
    const fd = this.#fd.number;
    const length = syscallRaw("recvfrom", fd, buffer, buffer.length, MSG_TRUNC, null, null);
    // ENOBUFS: events were lost; whoever waits for one looks at the state anyway.
    if (length === -ERRNO.EAGAIN || length === -ERRNO.EINTR || length === -ERRNO.ENOBUFS) {
      return [];
    }
    if (length < 0 || length > buffer.length) {
      throw new SyscallError("recvfrom", length < 0 ? -length : ERRNO.EMSGSIZE, "netlink");
    }
    return decodeMessages(buffer.subarray(0, length));
  }

  #check(request: NetlinkRequest, message: NetlinkMessage): void {
    const { payload } = message;
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    const error = view.byteLength < 4 ? -ERRNO.EBADMSG : view.getInt32(0, true);
    if (error !== 0) {
      throw new SyscallError(request.name, -error);
    }
  }

  [Symbol.dispose](): void {
    this.#fd[Symbol.dispose]();
  }
}
