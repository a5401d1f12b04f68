/**
 * Calls, one after the other, over one open HTTP/2 connection with mTLS, by Node's own client. Reads lists of
 * `[method, request]`, a line of JSON each, and prints how long each list took in milliseconds, or what went wrong.
 */
import { readFileSync } from "node:fs";
import { connect } from "node:http2";
import { createInterface } from "node:readline";

const { authority, ca, cert, key } = JSON.parse(process.argv[2]);
const read = (path) => readFileSync(path);
const session = connect(`https://${authority}`, { ca: read(ca), cert: read(cert), key: read(key) });

function call(method, request) {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ":method": "POST",
      ":path": `/aurae.cells.v0.CellService/${method}`,
      "content-type": "application/json",
    });
    let status = 0;
    let text = "";
    stream.on("response", (headers) => {
      status = headers[":status"];
    });
    stream.on("data", (chunk) => {
      text += chunk;
    });
    stream.on("error", reject);
    stream.on("end", () => (status === 200 ? resolve() : reject(new Error(`${method}: ${text}`))));
    stream.end(JSON.stringify(request));
  });
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
session.close();
