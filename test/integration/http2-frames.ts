/** Just enough of HTTP/2 (RFC 9113) and HPACK (RFC 7541) to say what no well-behaved client says. */

export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export const FRAME = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  goAway: 7,
  continuation: 9,
} as const;
const END_STREAM = 1;
const END_HEADERS = 4;

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** An integer with a prefix of 7 bits (RFC 7541, section 5.1). */
function integer(value: number): number[] {
  if (value < 127) {
    return [value];
  }
  const bytes = [127];
  let rest = value - 127;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}

/** Literal header fields without indexing and without Huffman. */
export function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(
    Object.entries(headers).flatMap(([name, value]) => [
      Buffer.from([0, ...integer(name.length)]),
      Buffer.from(name),
      Buffer.from(integer(value.length)),
      Buffer.from(value),
    ]),
  );
}

export function headers(
  stream: number,
  path: string,
  more: Record<string, string> = {},
  endStream = false,
): Buffer {
  const block = headerBlock({
    ":method": "POST",
    ":scheme": "https",
    ":authority": "x",
    ":path": `/${path}`,
    ...more,
  });
  return frame(FRAME.headers, END_HEADERS | (endStream ? END_STREAM : 0), stream, block);
}

export function data(stream: number, payload: Buffer, endStream = true): Buffer {
  return frame(FRAME.data, endStream ? END_STREAM : 0, stream, payload);
}

export interface Frame {
  readonly type: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** The whole frames in what came. */
export function frames(bytes: Buffer): Frame[] {
  const result: Frame[] = [];
  for (let at = 0; at + 9 <= bytes.length;) {
    const length = bytes.readUIntBE(at, 3);
    if (at + 9 + length > bytes.length) {
      break;
    }
    result.push({
      type: bytes[at + 3] ?? 0,
      stream: bytes.readUInt32BE(at + 5),
      payload: bytes.subarray(at + 9, at + 9 + length),
    });
    at += 9 + length;
  }
  return result;
}
