// A load generator over one HTTP/2 connection, for Node, whose client is not what is measured. Arguments: a JSON object
// {authority, path, ca, cert, key, body, concurrency, seconds}; prints {latenciesMs, seconds, errors} as JSON.
import { readFileSync } from "node:fs";
import http2 from "node:http2";

const { authority, path, ca, cert, key, body, concurrency, seconds } = JSON.parse(process.argv[2]);
const session = http2.connect(`https://${authority}`, {
  ca: readFileSync(ca),
  cert: readFileSync(cert),
  key: readFileSync(key),
});
await new Promise((resolve, reject) => session.once("connect", resolve).once("error", reject));

const latenciesMs = [];
let errors = 0;

function call() {
  return new Promise((resolve) => {
    const start = performance.now();
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/json",
    });
    let status = 0;
    stream.on("response", (headers) => {
      status = headers[":status"];
    });
    stream.on("error", () => undefined);
    stream.on("close", () => {
      if (status !== 0) latenciesMs.push(performance.now() - start);
      else errors++;
      resolve();
    });
    stream.resume();
    stream.end(body);
  });
}

async function loop(until) {
  while (performance.now() < until && !session.destroyed) await call();
}

const warm = performance.now() + 1000;
await Promise.all(Array.from({ length: concurrency }, () => loop(warm)));
latenciesMs.length = 0;
const start = performance.now();
await Promise.all(Array.from({ length: concurrency }, () => loop(start + seconds * 1000)));
const took = (performance.now() - start) / 1000;
session.destroy();
process.stdout.write(JSON.stringify({ latenciesMs, seconds: took, errors }));
