/**
 * QEMU's machine protocol (QMP): commands, and how the guest ended. QEMU connects to us, so there is no moment at
 * which its socket is not there yet.
 */
import { createServer, type Server, type Socket } from "node:net";

/** How a guest ended, in QEMU's words (ShutdownCause of its qapi): `guest-shutdown`, `guest-reset`, `host-signal`. */
export type ShutdownReason = string;

interface QmpMessage {
  readonly QMP?: unknown;
  readonly event?: string;
  readonly data?: { readonly reason?: string };
  readonly return?: unknown;
  readonly error?: { readonly desc?: string };
  readonly id?: number;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class Qmp {
  readonly path: string;
  /** The guest's end, as far as QEMU told it; settles when QEMU goes away. */
  readonly ended: Promise<ShutdownReason | undefined>;
  readonly #server: Server;
  readonly #connected = Promise.withResolvers<Socket>();
  readonly #gone = Promise.withResolvers<ShutdownReason | undefined>();
  readonly #pending = new Map<number, Pending>();
  #reason: ShutdownReason | undefined;
  #received = "";
  #nextId = 1;

  private constructor(path: string) {
    this.path = path;
    this.ended = this.#gone.promise;
    // Nobody may be waiting for it when QEMU does not start.
    this.#connected.promise.catch(() => undefined);
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** Listens on a new socket at a path. */
  static async listen(path: string): Promise<Qmp> {
    const qmp = new Qmp(path);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    qmp.#server.once("error", reject);
    qmp.#server.listen(path, resolve);
    await promise;
    return qmp;
  }

  async execute(
    command: string,
    parameters: Readonly<Record<string, unknown>> = {},
  ): Promise<unknown> {
    const socket = await this.#connected.promise;
    return this.#send(socket, command, parameters);
  }

  close(): void {
    this.#server.close();
    this.#lose("QEMU ended");
  }

  #send(
    socket: Socket,
    command: string,
    parameters: Readonly<Record<string, unknown>>,
  ): Promise<unknown> {
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(id, { resolve, reject });
    socket.write(`${JSON.stringify({ execute: command, arguments: parameters, id })}\n`);
    return promise;
  }

  #serve(socket: Socket): void {
    socket.setEncoding("utf8");
    socket.on("data", (chunk) => {
      const lines = (this.#received + chunk).split("\n");
      this.#received = lines.pop() ?? "";
      for (const line of lines.filter((text) => text.trim() !== "")) {
        this.#take(JSON.parse(line) as QmpMessage, socket);
      }
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#lose("QEMU closed its control socket"));
  }

  #take(message: QmpMessage, socket: Socket): void {
    if (message.QMP !== undefined) {
      this.#send(socket, "qmp_capabilities", {}).then(
        () => this.#connected.resolve(socket),
        (error) => this.#connected.reject(error),
      );
    } else if (message.event === "SHUTDOWN") {
      this.#reason = message.data?.reason;
    } else if (message.id !== undefined) {
      const pending = this.#pending.get(message.id);
      this.#pending.delete(message.id);
      if (message.error !== undefined) {
        pending?.reject(new Error(`control QEMU: ${message.error.desc ?? "refused"}`));
      } else {
        pending?.resolve(message.return);
      }
    }
  }

  #lose(why: string): void {
    const error = new Error(`control QEMU: ${why}`);
    this.#connected.reject(error);
    for (const { reject } of this.#pending.values()) {
      reject(error);
    }
    this.#pending.clear();
    this.#gone.resolve(this.#reason);
  }
}
