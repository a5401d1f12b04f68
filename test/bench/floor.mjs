// The peer of call.bench.ts: the least that an HTTP/2 server with mTLS can do, an answer of the same bytes and no more.
// Runs on Bun and on Node. Arguments: a JSON object {ca, cert, key}; prints its port.
import { readFileSync } from "node:fs";
import http2 from "node:http2";

const { ca, cert, key } = JSON.parse(process.argv[2]);
const answer = Buffer.from('{"healthy":true,"version":"0.1.0"}');
const server = http2.createSecureServer({
  ca: readFileSync(ca),
  cert: readFileSync(cert),
  key: readFileSync(key),
  requestCert: true,
  rejectUnauthorized: true,
});
server.on("stream", (stream) => {
  stream.resume();
  stream.on("end", () => {
    stream.respond({ ":status": 200, "content-type": "application/json" });
    stream.end(answer);
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
