/**
 * The file of a Unix socket: makes its place before the bind, takes a stale one away, sets its mode, and removes it
 * in the end. A file that is not a socket, or a socket that somebody answers on, is never touched.
 */
import { chmodSync, lstatSync, mkdirSync, type Stats, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import { AuraeError, messageOf } from "../base/errors.ts";

/** The owner and the group may connect; what they may do then is for their certificates to say. */
export const SOCKET_MODE = 0o660;

/** For a relay without privileges, whose peers are from elsewhere: it is as open as a port. */
export const RELAY_SOCKET_MODE = 0o666;

/** sizeof(sockaddr_un.sun_path) less its NUL (unix(7)). */
export const MAX_PATH_BYTES = 107;

/** How long a socket's owner may take to accept before it counts as alive but busy. */
const PROBE_MS = 2_000;

function statOrUndefined(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function failed(message: string, cause?: unknown): AuraeError {
  return new AuraeError("failed_precondition", message, { cause });
}

/** Whether connect(2) to the socket is refused, which is what tells a socket that nobody listens on. */
function isStale(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    const finish = (act: () => void) => {
      clearTimeout(timer);
      socket.destroy();
      act();
    };
    const timer = setTimeout(() => finish(() => resolve(false)), PROBE_MS);
    socket.once("connect", () => finish(() => resolve(false)));
    socket.once("error", (error: NodeJS.ErrnoException) =>
      finish(() => {
        if (error.code === "ECONNREFUSED" || error.code === "ENOENT") {
          resolve(true);
        } else {
          reject(
            failed(
              `cannot tell whether the socket "${path}" is in use: ${messageOf(error)}`,
              error,
            ),
          );
        }
      }),
    );
  });
}

/**
 * Makes the directory of a socket and removes a stale socket of that path.
 * @throws {AuraeError} failed_precondition naming the path and what to do
 */
export async function prepareSocketPath(path: string): Promise<void> {
  const bytes = Buffer.byteLength(path);
  if (bytes > MAX_PATH_BYTES || path.includes("\0")) {
    throw failed(
      `cannot listen on a socket path of ${bytes} bytes: use a path of at most ${MAX_PATH_BYTES} bytes with no NUL`,
    );
  }
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  } catch (error) {
    throw failed(
      `cannot make the directory of the socket "${path}": ${messageOf(error)}; choose another with --socket or --runtime-dir`,
      error,
    );
  }
  const existing = statOrUndefined(path);
  if (existing === undefined) {
    return;
  }
  if (!existing.isSocket()) {
    throw failed(`cannot listen on "${path}": it exists and is not a socket; move it away`);
  }
  if (!(await isStale(path))) {
    throw failed(
      `cannot listen on "${path}": another process answers there; stop it or choose another path with --socket`,
    );
  }
  try {
    unlinkSync(path);
  } catch (error) {
    throw failed(`cannot remove the stale socket "${path}": ${messageOf(error)}`, error);
  }
}

/** The socket file that we made; its disposal removes it unless somebody has put another in its place. */
export class SocketFile implements Disposable {
  readonly #path: string;
  readonly #inode: number;

  /** @throws {AuraeError} failed_precondition if the mode can't be set */
  constructor(path: string, mode: number) {
    this.#path = path;
    try {
      chmodSync(path, mode);
    } catch (error) {
      throw failed(`cannot set the mode of the socket "${path}": ${messageOf(error)}`, error);
    }
    this.#inode = statOrUndefined(path)?.ino ?? -1;
  }

  [Symbol.dispose](): void {
    if (statOrUndefined(this.#path)?.ino === this.#inode) {
      unlinkSync(this.#path);
    }
  }
}
