/**
 * Follows the output of an executable over mTLS and HTTP/2 in raw mode, N times, each over a connection of its own, by Node
 * alone. Its argument is JSON; it prints one line of JSON at the end: what each has got and missed.
 */
import { connect } from "node:http2";
import { gunzipSync } from "node:zlib";

const { followers, request, gzip, ...where } = JSON.parse(process.argv[2]);

/** What may be under way: with HTTP/2's 64 KiB, a busy machine's reader would be slow by itself. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/** Bits of the flags of a frame. */
const COMPRESSED = 1;
const END = 2;

const LENGTH_DELIMITED = 2;
const DATA_TAG = (100 << 3) | LENGTH_DELIMITED;
const MISSED_TAG = 102 << 3;

const message = Buffer.from(request, "base64");
const envelope = Buffer.alloc(5 + message.length);
envelope.writeUInt32BE(message.length, 1);
message.copy(envelope, 5);

/** The numbers of a message one after the other; bytes fields are skipped and counted. */
function account(bytes, counts) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++];
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) {
        return value;
      }
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const value = varint();
    if (tag === DATA_TAG) {
      counts.bytes += value;
    }
    if ((tag & 7) === LENGTH_DELIMITED) {
      at += value;
    } else if (tag === MISSED_TAG) {
      counts.missed += value;
    }
  }
}

class Frames {
  parts = [];
  have = 0;
  need = 5;
  flags = undefined;
  counts = { bytes: 0, missed: 0, messages: 0, wireBytes: 0, error: undefined };

  add(chunk) {
    this.counts.wireBytes += chunk.length;
    this.parts.push(chunk);
    this.have += chunk.length;
    while (this.have >= this.need) {
      const all = this.parts.length === 1 ? this.parts[0] : Buffer.concat(this.parts);
      const taken = all.subarray(0, this.need);
      this.parts = all.length > this.need ? [all.subarray(this.need)] : [];
      this.have -= this.need;
      this.take(taken);
    }
  }

  take(bytes) {
    if (this.flags === undefined) {
      this.flags = bytes[0];
      this.need = bytes.readUInt32BE(1);
      if (this.need > 0) {
        return;
      }
    } else if (this.flags & END) {
      this.counts.error = bytes.toString() === "{}" ? undefined : bytes.toString();
    } else {
      this.counts.messages += 1;
      account(this.flags & COMPRESSED ? gunzipSync(bytes) : bytes, this.counts);
    }
    this.flags = undefined;
    this.need = 5;
  }
}

function follow() {
  const { authority, ...tls } = where;
  const settings = { initialWindowSize: WINDOW_BYTES };
  const session = connect(`https://${authority}`, { ...tls, settings });
  session.once("connect", () => session.setLocalWindowSize(WINDOW_BYTES));
  const stream = session.request({
    ":method": "POST",
    ":path": "/aurae.observe.v0.ObserveService/GetSubProcessStream",
    "content-type": "application/connect+proto",
    ...(gzip ? { "connect-accept-encoding": "gzip" } : {}),
  });
  const frames = new Frames();
  stream.on("data", (chunk) => frames.add(chunk));
  stream.end(envelope);
  return new Promise((resolve, reject) => {
    stream.once("error", reject);
    stream.once("close", () => {
      session.close();
      resolve(frames.counts);
    });
  });
}

console.log(JSON.stringify(await Promise.all(Array.from({ length: followers }, follow))));
