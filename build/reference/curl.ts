/**
 * A call as a line for curl: Connect's JSON over the Unix socket, with the certificates in `$id`
 * (https://connectrpc.com/docs/protocol). The requests of a stream are envelopes: a byte of flags, the length as four
 * bytes, the message.
 */
import type { DescMethod, JsonObject } from "@bufbuild/protobuf";
import { shellWord } from "./shell.ts";

/** What the lines take for granted; the index says how to set it. */
const PLACE = "$id --unix-socket $socket";

export function curlLine(method: DescMethod, requests: readonly JsonObject[]): string {
  const url = `https://localhost/${method.parent.typeName}/${method.name}`;
  const [first = {}] = requests;
  if (method.methodKind === "unary") {
    return `curl -s ${PLACE} --json ${shellWord(JSON.stringify(first))} ${url}`;
  }
  const texts = requests.map((request) => JSON.stringify(request));
  const format = texts.map((text) => `${envelopeHead(Buffer.byteLength(text))}%s`).join("");
  return [
    `printf '${format}' ${texts.map(shellWord).join(" ")} |`,
    `curl -sN ${PLACE} -H 'content-type: application/connect+json' --data-binary @- -o - ${url}`,
  ].join(" \\\n  ");
}

/** As escapes of printf(1). */
function envelopeHead(bytes: number): string {
  const octal = (byte: number): string => `\\${byte.toString(8).padStart(3, "0")}`;
  return [0, 0, 0, bytes >> 8, bytes & 0xff].map(octal).join("");
}
