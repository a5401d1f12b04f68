/**
 * Guests' ways to their host: behind each machine's vsock there is a socket at which its guest, and nobody else, is told
 * which life of its machine this is, and given what is its own (base/host-channel.ts). A guest is hostile: it may have two
 * connections, a line a time, and a certificate only ever a few times in a minute.
 */
import { lchownSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { messageOf } from "../base/errors.ts";
import {
  ASK_FOR_FILES,
  filesMessage,
  type GuestFile,
  greetingLine,
  HOST_CHANNEL_PORT,
  MAX_LINE_BYTES,
  SEED_BYTES,
} from "../base/host-channel.ts";
import { log } from "../base/log.ts";
import type { GuestNeeds } from "./guest-sites.ts";

/** One is old, and not known to be over. */
const MAX_CONNECTIONS = 2;
/** To issue a certificate takes milliseconds of the daemon's. */
const MAX_ASKS = 10;
const ASKS_WINDOW_MS = 60_000;

export interface VsockDoorsOptions {
  /** The socket by which the host reaches a machine's vsock; that of a port has `_PORT` after it. */
  readonly vsockPath: (id: string) => string;
  readonly filesFor: (id: string, needs: GuestNeeds) => Promise<readonly GuestFile[]>;
}

class Door implements Disposable {
  readonly #id: string;
  readonly #needs: GuestNeeds;
  readonly #filesFor: VsockDoorsOptions["filesFor"];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #asks: number[] = [];

  constructor(id: string, needs: GuestNeeds, filesFor: VsockDoorsOptions["filesFor"]) {
    this.#id = id;
    this.#needs = needs;
    this.#filesFor = filesFor;
    this.#server = createServer((socket) => this.#take(socket));
    this.#server.on("error", (error) => this.#warn("a guest can't reach its host", error));
  }

  #warn(what: string, error: unknown): void {
    log.warn(what, { vm: this.#id, cause: messageOf(error) });
  }

  listen(path: string, uid: number): void {
    // What a daemon before has left; nobody else listens in the machine's folder.
    rmSync(path, { force: true });
    this.#server.listen(path, () => {
      try {
        // Its owner may connect, and root; the folder is closed for all others.
        lchownSync(path, uid, uid);
      } catch (error) {
        this.#warn("a guest can't reach its host", error);
      }
    });
    this.#server.unref();
  }

  #take(socket: Socket): void {
    // The newest is the guest that goes on; those of before a restore never come back.
    for (const old of [...this.#sockets].slice(0, -(MAX_CONNECTIONS - 1))) {
      old.destroy();
    }
    this.#sockets.add(socket);
    socket.unref();
    socket.on("error", () => undefined);
    socket.on("close", () => this.#sockets.delete(socket));
    let line = "";
    socket.on("data", (bytes: Buffer) => {
      line += bytes.toString("latin1");
      if (line === ASK_FOR_FILES) {
        line = "";
        void this.#answer(socket);
      } else if (line.length > MAX_LINE_BYTES || !ASK_FOR_FILES.startsWith(line)) {
        socket.destroy();
      }
    });
    const seed = crypto.getRandomValues(new Uint8Array(SEED_BYTES));
    socket.write(greetingLine({ life: this.#needs.life, seed, timeMs: Date.now() }));
  }

  async #answer(socket: Socket): Promise<void> {
    const now = performance.now();
    this.#asks = this.#asks.filter((at) => now - at < ASKS_WINDOW_MS);
    if (this.#asks.length >= MAX_ASKS) {
      socket.destroy();
      return;
    }
    this.#asks.push(now);
    try {
      const files = await this.#filesFor(this.#id, this.#needs);
      socket.write(filesMessage(files));
      log.info("told a restored guest what is its own", { vm: this.#id });
    } catch (error) {
      this.#warn("a restored guest is not told what is its own", error);
      socket.destroy();
    }
  }

  [Symbol.dispose](): void {
    this.#server.close();
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }
}

export class VsockDoors {
  readonly #options: VsockDoorsOptions;

  constructor(options: VsockDoorsOptions) {
    this.#options = options;
  }

  /** @param monitor whose user the guest's connections come from */
  open(id: string, { uid }: { readonly uid: number }, needs: GuestNeeds): Disposable {
    const { vsockPath, filesFor } = this.#options;
    const door = new Door(id, needs, filesFor);
    try {
      door.listen(`${vsockPath(id)}_${HOST_CHANNEL_PORT}`, uid);
    } catch (error) {
      log.warn("a guest can't reach its host", { vm: id, cause: messageOf(error) });
    }
    return door;
  }
}
