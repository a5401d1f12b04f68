/**
 * What the reference says once for all methods: how to call, and what each may answer. In Markdown's paragraphs, and as
 * data where the pages differ in form.
 */
import { LIMITS } from "../../src/transport/limits.ts";

export const TITLE = "Aurae Standard Library, V0";

/** Shell variables that the examples for curl take for granted. */
export const CURL_SETUP = [
  'pki="$HOME/.aurae/pki"',
  'id="--cacert $pki/ca.crt --cert $pki/_signed.client.nova.crt --key $pki/client.nova.key"',
  "socket=/var/run/aurae/aurae.sock",
].join("\n");

export const HOW_TO_CALL: readonly string[] = [
  "One port and one Unix socket speak Connect, gRPC and gRPC-Web, over TLS with certificates on both sides. A method is at `https://HOST:PORT/PACKAGE.SERVICE/METHOD`; a message may be sent as JSON, where a field's name is in camelCase (`cell_name` is `cellName`), 64-bit numbers are in quotes, and bytes are base64.",
  "The examples for curl use the Unix socket, and these variables. Over the network, leave `--unix-socket $socket` out and put the machine's address in the place of `localhost`. The messages of a stream have five bytes before each: a byte of flags and the length.",
  "`aer` and AuraeScript find address and certificates in a configuration file. What an example names is made by the one before it: Allocate makes the cell `web`, Start runs `server` in it.",
];

const MIB = 1024 * 1024;

/** What every method may answer: the code, and when. */
export const COMMON_ERRORS: readonly (readonly [code: string, when: string])[] = [
  [
    "INVALID_ARGUMENT",
    `a field breaks a rule, a field is not known, or a request has more than ${LIMITS.maxMessageBytes / MIB} MiB; \`google.rpc.BadRequest\` among the details lists every bad field`,
  ],
  ["PERMISSION_DENIED", "the caller has no role that may call the method"],
  ["DEADLINE_EXCEEDED", "the caller's own deadline has passed"],
  ["UNIMPLEMENTED", "the method is not there, or not yet"],
  ["INTERNAL", "the daemon is at fault; its log says more"],
];

export const WITHOUT_CERTIFICATE =
  "Who shows no certificate of the CA hears nothing but an alert of TLS.";

/** Codes in a text as code. */
export function withCodes(text: string): string {
  return text.replace(/\b(?:[A-Z]+_[A-Z_]+|INTERNAL|UNIMPLEMENTED|UNAVAILABLE|ABORTED)\b/g, "`$&`");
}
