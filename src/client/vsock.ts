/**
 * The way into a virtual machine by its host's socket: a Unix socket of the monitor's at which a program says the port of
 * the guest that it wants, and then has the connection (the scheme of Firecracker's vsock device). Knows nothing of TLS.
 * Imported only for such an address.
 */
import { connect as connectSocket, type Socket } from "node:net";
import type { Address } from "./address.ts";

export type VsockAddress = Extract<Address, { readonly kind: "vsock" }>;

/** How long the monitor and the guest may take to answer. */
const ANSWER_TIMEOUT_MS = 10_000;
/** `OK`, a port of 32 bits, and the end of the line; more than that is no answer of a monitor's. */
const MAX_ANSWER_BYTES = 32;
const ANSWER = /^OK \d{1,10}\n$/;

function refused(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/**
 * Connects to a port of a guest.
 * @throws {Error} with a `code`: ENOENT without a machine, VSOCK_REFUSED where nobody in the guest listens, VSOCK_ANSWER
 *   where it is no monitor that has answered, ETIMEDOUT
 */
export async function connectVsock(
  { path, port }: VsockAddress,
  signal?: AbortSignal,
): Promise<Socket> {
  signal?.throwIfAborted();
  const socket = connectSocket({ path });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let answer = "";
  const onData = (): void => {
    while (!answer.endsWith("\n")) {
      // A byte at a time: what comes after the line is not ours.
      const byte = socket.read(1) as Uint8Array | null;
      if (byte === null) {
        return;
      }
      answer += String.fromCharCode(byte[0] ?? 0);
      if (answer.length > MAX_ANSWER_BYTES) {
        break;
      }
    }
    socket.off("readable", onData);
    if (ANSWER.test(answer)) {
      resolve();
    } else {
      reject(refused("VSOCK_ANSWER", `${JSON.stringify(answer)} instead of OK`));
    }
  };
  const onClose = (): void => reject(refused("VSOCK_REFUSED", `no answer from port ${port}`));
  const onAbort = (): void => reject(signal?.reason);
  const timer = setTimeout(
    () => reject(refused("ETIMEDOUT", `no answer for ${ANSWER_TIMEOUT_MS / 1000} s`)),
    ANSWER_TIMEOUT_MS,
  );
  socket.once("connect", () => socket.write(`CONNECT ${port}\n`));
  socket.on("readable", onData);
  socket.once("error", reject);
  socket.once("end", onClose);
  socket.once("close", onClose);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    await promise;
    return socket;
  } catch (error) {
    socket.on("error", () => undefined);
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
    for (const [event, listener] of [
      ["error", reject],
      ["end", onClose],
      ["close", onClose],
    ] as const) {
      socket.off(event, listener);
    }
  }
}
