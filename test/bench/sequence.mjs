/**
 * Calls, one after the other, over one open HTTP/1.1 connection with mTLS: JSON by POST, as curl does it, and next to
 * nothing else, so that what is measured is the daemon. Reads lists of `[method, request]`, a line of JSON each, and
 * prints how long each list took in milliseconds, or what went wrong.
 */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { connect } from "node:tls";

const { authority, ca, cert, key } = JSON.parse(process.argv[2]);
const [host, port] = authority.split(":");
const HEAD_END = "\r\n\r\n";

const socket = connect({
  host,
  port: Number(port),
  ca: readFileSync(ca),
  cert: readFileSync(cert),
  key: readFileSync(key),
});
socket.setNoDelay(true);
socket.setEncoding("latin1");

let received = "";
let answered;

/** The status and the body, once all of it is there. */
function takeAnswer() {
  const headEnd = received.indexOf(HEAD_END);
  const length = /^content-length: *(\d+)/im.exec(received.slice(0, headEnd))?.[1];
  const end = headEnd + HEAD_END.length + Number(length);
  if (headEnd < 0 || received.length < end) {
    return undefined;
  }
  const answer = {
    status: Number(received.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length)),
    body: received.slice(headEnd + HEAD_END.length, end),
  };
  received = received.slice(end);
  return answer;
}

socket.on("data", (text) => {
  received += text;
  const answer = takeAnswer();
  if (answer !== undefined) {
    answered?.resolve(answer);
  }
});
for (const event of ["error", "close"]) {
  socket.on(event, (error) => answered?.reject(new Error(`the connection: ${error}`)));
}

async function call(method, request) {
  const body = Buffer.from(JSON.stringify(request)).toString("latin1");
  const answer = new Promise((resolve, reject) => {
    answered = { resolve, reject };
  });
  socket.write(
    `POST /aurae.cells.v0.CellService/${method} HTTP/1.1\r\nhost: ${authority}\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    "latin1",
  );
  const { status, body: text } = await answer;
  if (status !== 200) {
    throw new Error(`${method}: ${text}`);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const start = performance.now();
  try {
    for (const [method, request] of JSON.parse(line)) {
      await call(method, request);
    }
    console.log(JSON.stringify({ ms: performance.now() - start }));
  } catch (error) {
    console.log(JSON.stringify({ ms: 0, error: String(error) }));
  }
}
socket.destroy();
