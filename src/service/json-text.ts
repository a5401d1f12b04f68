/**
 * Decodes the bytes of JSON messages. By default, a decoder puts U+FFFD where there is no UTF-8, and a command would be
 * run that nobody sent.
 */
import { Code, ConnectError } from "@connectrpc/connect";

const strict = new TextDecoder("utf-8", { fatal: true });

/** What Connect is to read JSON with. */
export const jsonText = {
  /** @throws {ConnectError} invalid_argument if the bytes are no UTF-8 */
  decode(bytes?: Uint8Array): string {
    try {
      return strict.decode(bytes);
    } catch (error) {
      const message = "the JSON of the request is not valid UTF-8: send it encoded as UTF-8";
      throw new ConnectError(message, Code.InvalidArgument, undefined, undefined, error);
    }
  },
};
