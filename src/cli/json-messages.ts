/** Requests in protobuf's JSON, from the command line and from standard input. */
import { type DescMessage, fromJsonString, type Message } from "@bufbuild/protobuf";
import { messageOf } from "../base/errors.ts";
import { MESSAGE_MAX_BYTES } from "../client/universal.ts";
import { UsageError } from "./usage-error.ts";

/** @param what for messages: `request`, `line 3 of standard input` @throws UsageError */
export function messageFrom(schema: DescMessage, text: string, what: string): Message {
  try {
    return fromJsonString(schema, text);
  } catch (error) {
    const reason = messageOf(error).replace(/^cannot decode message \S+ from JSON:? ?/, "");
    throw new UsageError(`${what}: want JSON of ${schema.typeName}: ${reason}`);
  }
}

/** All of standard input as one text. @throws UsageError for more than a message may have */
export async function wholeText(input: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of input) {
    bytes += piece.byteLength;
    refuseLong(bytes, "standard input");
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

/** The lines that hold something, each with its number from 1, as they come. @throws UsageError */
export async function* linesOf(
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly text: string; readonly number: number }> {
  const decoder = new TextDecoder();
  let rest = "";
  let number = 0;
  for await (const piece of input) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    refuseLong(rest.length, `line ${number + lines.length + 1} of standard input`);
    for (const text of lines) {
      number += 1;
      if (text.trim() !== "") {
        yield { text, number };
      }
    }
  }
  rest += decoder.decode();
  if (rest.trim() !== "") {
    yield { text: rest, number: number + 1 };
  }
}

function refuseLong(size: number, what: string): void {
  if (size > MESSAGE_MAX_BYTES) {
    throw new UsageError(`${what} has more than ${MESSAGE_MAX_BYTES} bytes`);
  }
}
