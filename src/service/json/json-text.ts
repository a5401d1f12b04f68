/**
 * Decodes the bytes of JSON messages, and keeps the text of the one that is being read: Connect tells what is wrong with
 * a message without the message, and only with it can every fault be found (json-faults.ts). Each call has a place of
 * its own, so that none sees what another sent.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { Code, ConnectError } from "@connectrpc/connect";

const calls = new AsyncLocalStorage<{ text: string | undefined }>();

// By default, a decoder puts U+FFFD where there is no UTF-8: a command would be run that nobody sent.
const strict = new TextDecoder("utf-8", { fatal: true });

/** What Connect is to read JSON with. */
export const jsonText = {
  /** Runs what answers one call. */
  call(answer: () => void): void {
    calls.run({ text: undefined }, answer);
  },

  /** @throws {ConnectError} invalid_argument if the bytes are no UTF-8 */
  decode(bytes?: Uint8Array): string {
    const call = calls.getStore();
    if (call !== undefined) {
      call.text = undefined;
    }
    let text: string;
    try {
      text = strict.decode(bytes);
    } catch (error) {
      const message = "the JSON of the request is not valid UTF-8: send it encoded as UTF-8";
      throw new ConnectError(message, Code.InvalidArgument, undefined, undefined, error);
    }
    if (call !== undefined) {
      call.text = text;
    }
    return text;
  },

  /** The text that this call's last message was decoded from; it is forgotten with that. */
  take(): string | undefined {
    const call = calls.getStore();
    const text = call?.text;
    if (call !== undefined) {
      call.text = undefined;
    }
    return text;
  },
};
