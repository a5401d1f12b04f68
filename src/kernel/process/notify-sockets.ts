/** Notifications from the kernel: datagram sockets in a folder, of which a `SignalPoll` tells, and pipes. */
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { ERRNO } from "../abi/errno.ts";
import { O_CLOEXEC, O_NONBLOCK } from "../abi/open.ts";
import {
  AF_UNIX,
  CMSGHDR,
  SCM_CREDENTIALS,
  SO_PASSCRED,
  SOCK_DGRAM,
  SOCKADDR_UN_BYTES,
  SOL_SOCKET,
  UCRED,
} from "../abi/unix.ts";
import type { SignalPoll } from "../io/signal-poll.ts";
import { receiveMessage } from "../net/socket-message.ts";
import { SyscallError } from "../sys/error.ts";
import { FileDescriptor } from "../sys/fd.ts";
import { cString, syscall } from "../sys/syscall.ts";
import type { Notification, Notifications, NotifySocket } from "./notifications.ts";
import { createOutputPipe } from "./pipe.ts";

/** A notification is some short lines; systemd takes as much. */
const MAX_MESSAGE_BYTES = 4_096;
/** Room for credentials alone. Descriptors that somebody sends do not fit, and the kernel closes them. */
const CONTROL_BYTES = CMSGHDR.size + 16;
const SECRET_BYTES = 12;
const NAME = /^[0-9a-f]{24}\.sock$/;
/** How many messages one look takes from one socket: a flood must not keep the daemon from everything else. */
const MESSAGES_PER_LOOK = 64;

class Socket {
  readonly path: string;
  readonly #fd: FileDescriptor;
  readonly #poll: SignalPoll;
  readonly #onMessage: (notification: Notification) => void;

  constructor(path: string, poll: SignalPoll, onMessage: (notification: Notification) => void) {
    this.path = path;
    this.#poll = poll;
    this.#onMessage = onMessage;
    const type = SOCK_DGRAM | O_CLOEXEC | O_NONBLOCK;
    this.#fd = new FileDescriptor(syscall("socket", "for notifications", AF_UNIX, type, 0));
    try {
      this.#bind();
      // Whoever runs as somebody else in a cell writes here, too; who it was is told by the kernel.
      chmodSync(path, 0o666);
      poll.add(this.#fd.number, () => this.#look());
      poll.setSignals(this.#fd.number, true);
      // Who knows the path of an earlier daemon's socket may have written already.
      this.#lookSoon();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #bind(): void {
    const name = cString(this.path);
    if (2 + name.length > SOCKADDR_UN_BYTES) {
      throw new SyscallError("bind", 36, JSON.stringify(this.path));
    }
    const address = new Uint8Array(2 + name.length);
    new DataView(address.buffer).setUint16(0, AF_UNIX, true);
    address.set(name, 2);
    const on = new Int32Array([1]);
    const fd = this.#fd.number;
    syscall("setsockopt", "SO_PASSCRED", fd, SOL_SOCKET, SO_PASSCRED, on, on.byteLength);
    syscall("bind", JSON.stringify(this.path), fd, address, address.length);
  }

  /** Takes what has come. */
  #look(): void {
    for (let i = 0; i < MESSAGES_PER_LOOK; i++) {
      const message = this.#fd.isClosed ? undefined : this.#receive();
      if (message === undefined) {
        return;
      }
      if (message.pid > 0) {
        this.#onMessage(message);
      }
    }
    this.#lookSoon();
  }

  #lookSoon(): void {
    setImmediate(() => this.#look());
  }

  /** @returns undefined when there is none; a pid of 0 for what can't be used */
  #receive(): Notification | undefined {
    const data = new Uint8Array(MAX_MESSAGE_BYTES);
    const message = receiveMessage(this.#fd.number, data, new Uint8Array(CONTROL_BYTES));
    if (typeof message === "number") {
      return undefined; // EAGAIN
    }
    return {
      text: new TextDecoder().decode(message.bytes),
      pid: message.isCut ? 0 : senderOf(message.control),
    };
  }

  close(): void {
    if (!this.#fd.isClosed) {
      this.#poll.remove(this.#fd.number);
      this.#fd[Symbol.dispose]();
    }
    rmSync(this.path, { force: true });
  }
}

function senderOf({ buffer, byteOffset, length }: Uint8Array): number {
  const view = new DataView(buffer, byteOffset, length);
  const isCredentials =
    length >= CMSGHDR.size + UCRED.size &&
    CMSGHDR.read(view, "cmsg_level") === SOL_SOCKET &&
    CMSGHDR.read(view, "cmsg_type") === SCM_CREDENTIALS;
  return isCredentials ? UCRED.read(new DataView(buffer, byteOffset + CMSGHDR.size), "pid") : 0;
}

export class NotifySockets implements Notifications, Disposable {
  readonly #folder: string;
  readonly #poll: SignalPoll;
  readonly #sockets = new Set<Socket>();
  #isOpen = false;

  /**
   * @param folder for the sockets; it is made when it is needed. Those of an earlier daemon may be in it
   * @param poll tells of what comes
   */
  constructor(folder: string, poll: SignalPoll) {
    this.#folder = folder;
    this.#poll = poll;
  }

  socket(onMessage: (notification: Notification) => void, path?: string): NotifySocket {
    this.#open();
    const socket = new Socket(this.#pathOf(path), this.#poll, onMessage);
    this.#sockets.add(socket);
    return {
      path: socket.path,
      [Symbol.dispose]: () => {
        if (this.#sockets.delete(socket)) {
          socket.close();
        }
      },
    };
  }

  #open(): void {
    if (!this.#isOpen) {
      mkdirSync(this.#folder, { recursive: true });
      chmodSync(this.#folder, 0o711);
      this.#isOpen = true;
    }
  }

  /** @throws {SyscallError} EADDRINUSE for what is another's, EINVAL for a path that is none of ours */
  #pathOf(earlier: string | undefined): string {
    if (earlier === undefined) {
      // Nobody can guess it: in the folder, which only its owner may list, the name is all that it takes to write.
      const name = crypto.getRandomValues(Buffer.alloc(SECRET_BYTES)).toString("hex");
      return join(this.#folder, `${name}.sock`);
    }
    if (earlier !== join(this.#folder, basename(earlier)) || !NAME.test(basename(earlier))) {
      throw new SyscallError("bind", ERRNO.EINVAL, JSON.stringify(earlier));
    }
    if ([...this.#sockets].some(({ path }) => path === earlier)) {
      throw new SyscallError("bind", ERRNO.EADDRINUSE, JSON.stringify(earlier));
    }
    rmSync(earlier, { force: true });
    return earlier;
  }

  /** Removes the sockets of an earlier daemon that were not asked for again. */
  removeStale(): void {
    if (!existsSync(this.#folder)) {
      return;
    }
    const used = new Set([...this.#sockets].map(({ path }) => basename(path)));
    for (const name of readdirSync(this.#folder)) {
      if (!used.has(name)) {
        rmSync(join(this.#folder, name), { recursive: true, force: true });
      }
    }
  }

  pipe(): ReturnType<Notifications["pipe"]> {
    return createOutputPipe(this.#poll);
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) {
      socket.close();
    }
    this.#sockets.clear();
  }
}
