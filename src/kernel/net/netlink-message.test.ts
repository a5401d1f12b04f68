import { describe, expect, test } from "bun:test";
import {
  IFINFOMSG,
  IFLA_ADDRESS,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  NLMSGHDR,
  RTATTR,
  RTM_NEWLINK,
} from "../abi/netlink.ts";
import { interfaceFrom } from "./interfaces.ts";
import {
  decodeAttributes,
  decodeMessages,
  encodeAttributes,
  encodeMessage,
} from "./netlink-message.ts";

const FUZZ_ROUNDS = 20_000;
const message = (payload: Uint8Array) => ({ type: 16, flags: 0x301, sequence: 7, payload });
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** The bytes of a header with this length, and as many after it as are asked for. */
function headerOf(length: number, bytes: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(bytes));
  NLMSGHDR.write(view, { nlmsg_len: length });
  return new Uint8Array(view.buffer);
}

function attributeOf(length: number, bytes: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(bytes));
  RTATTR.write(view, { rta_len: length });
  return new Uint8Array(view.buffer);
}

describe("encodeMessage", () => {
  test("writes the header, the payload, and attributes at multiples of four", () => {
    const bytes = encodeMessage(message(Uint8Array.of(1, 2, 3, 4)), [
      { type: 3, value: Buffer.from("lo\0") },
      { type: 4, value: new Uint8Array(0) },
    ]);
    expect(hex(bytes)).toBe(
      ["20000000" + "1000" + "0103" + "07000000" + "00000000", "01020304"]
        .concat(["0700" + "0300" + "6c6f00" + "00", "0400" + "0400"])
        .join(""),
    );
  });

  test("pads a payload that is not a multiple of four", () => {
    const bytes = encodeMessage(message(Uint8Array.of(1)), [
      { type: 1, value: Uint8Array.of(0xff) },
    ]);
    expect(bytes.length % 4).toBe(0);
    const [decoded] = decodeMessages(bytes);
    expect(decodeAttributes(decoded!.payload, 1)).toEqual([
      { type: 1, value: Uint8Array.of(0xff) },
    ]);
  });
});

describe("decodeMessages", () => {
  test("reads what encodeMessage writes, several in one datagram", () => {
    const first = message(Uint8Array.of(1, 2, 3, 4));
    const second = { type: 3, flags: 2, sequence: 0xffffffff, payload: new Uint8Array(0) };
    const datagram = Buffer.concat([encodeMessage(first), encodeMessage(second)]);
    expect(decodeMessages(datagram)).toEqual([first, second]);
    expect(decodeMessages(new Uint8Array(0))).toEqual([]);
  });

  test("reads a datagram that stands in a larger buffer", () => {
    const bytes = encodeMessage(message(Uint8Array.of(9, 9, 9, 9)));
    const buffer = new Uint8Array(100).fill(0xaa);
    buffer.set(bytes, 13);
    const [found] = decodeMessages(buffer.subarray(13, 13 + bytes.length));
    expect(found).toEqual(message(Uint8Array.of(9, 9, 9, 9)));
  });

  test("takes a last message without its padding", () => {
    const bytes = headerOf(NLMSGHDR.size + 1, NLMSGHDR.size + 1);
    expect(decodeMessages(bytes)[0]?.payload).toHaveLength(1);
  });

  test.each([
    ["a length of nothing", headerOf(0, 16)],
    ["a length below the header's", headerOf(15, 16)],
    ["a length beyond the end", headerOf(17, 16)],
    ["the largest length", headerOf(0xffffffff, 16)],
    ["half a header", headerOf(16, 16).subarray(0, 15)],
    ["rubbish after a message", Buffer.concat([headerOf(16, 16), Uint8Array.of(1)])],
  ])("refuses %s", (_, bytes) => {
    expect(() => decodeMessages(bytes)).toThrow(RangeError);
    expect(() => decodeMessages(bytes)).toThrow("read a netlink message of");
  });
});

describe("decodeAttributes", () => {
  test("starts after the fixed structure, and drops the flags of a type", () => {
    const payload = Buffer.concat([
      new Uint8Array(8).fill(0xff),
      Uint8Array.of(5, 0, 0x03, 0x80, 0x41, 0, 0, 0),
      Uint8Array.of(4, 0, 0x04, 0x40),
    ]);
    expect(decodeAttributes(payload, 6).map(({ type, value }) => [type, hex(value)])).toEqual([
      [3, "41"],
      [4, ""],
    ]);
  });

  test("finds none in a payload that ends with or within its fixed structure", () => {
    expect(decodeAttributes(new Uint8Array(8), 8)).toEqual([]);
    expect(decodeAttributes(new Uint8Array(3), 8)).toEqual([]);
  });

  test.each([
    ["a length of nothing", attributeOf(0, 4)],
    ["a length below the header's", attributeOf(3, 4)],
    ["a length beyond the end", attributeOf(5, 4)],
    ["the largest length", attributeOf(0xffff, 8)],
    ["half a header", attributeOf(4, 4).subarray(0, 3)],
  ])("refuses %s", (_, bytes) => {
    expect(() => decodeAttributes(bytes, 0)).toThrow(RangeError);
    expect(() => decodeAttributes(bytes, 0)).toThrow("read a netlink attribute of");
  });
});

/** Random bytes, or a good datagram with some of its bytes changed and its end cut off. */
function hostileDatagram(round: number): Uint8Array {
  if (round % 2 === 0) {
    return crypto.getRandomValues(new Uint8Array(round % 97));
  }
  const attributes = [
    { type: IFLA_IFNAME, value: Buffer.from("eth0\0") },
    { type: 1, value: new Uint8Array(16) },
  ];
  const bytes = encodeMessage(
    { ...message(new Uint8Array(IFINFOMSG.size)), type: RTM_NEWLINK },
    attributes,
  );
  const datagram = Buffer.concat([bytes, bytes, bytes]);
  for (const at of crypto.getRandomValues(new Uint8Array(round % 5))) {
    datagram[at % datagram.length] = round & 0xff;
  }
  return datagram.subarray(0, datagram.length - (round % 11));
}

describe("the decoders", () => {
  test("answer within the bytes they got or refuse with a RangeError, whatever the bytes", () => {
    const counts = { read: 0, refused: 0 };
    for (let round = 0; round < FUZZ_ROUNDS; round++) {
      const bytes = hostileDatagram(round);
      try {
        const messages = decodeMessages(bytes);
        const payloads = messages.reduce((sum, { payload }) => sum + payload.length, 0);
        expect(payloads + messages.length * NLMSGHDR.size).toBeLessThanOrEqual(bytes.length);
        for (const { payload } of messages) {
          const attributes = decodeAttributes(payload, round % 20);
          const values = attributes.reduce((sum, { value }) => sum + value.length, 0);
          expect(values + attributes.length * RTATTR.size).toBeLessThanOrEqual(payload.length);
        }
        counts.read += 1;
      } catch (error) {
        if (!(error instanceof RangeError)) {
          throw new Error(`decode ${hex(bytes)}`, { cause: error });
        }
        counts.refused += 1;
      }
    }
    expect(counts.read).toBeGreaterThan(0);
    expect(counts.refused).toBeGreaterThan(0);
  });
});

describe("interfaceFrom", () => {
  test("reads a link's index, name, flags and attributes", () => {
    const payload = new DataView(new ArrayBuffer(IFINFOMSG.size));
    IFINFOMSG.write(payload, { ifi_index: 2, ifi_flags: 0x10001 });
    const kind = encodeAttributes([{ type: IFLA_INFO_KIND, value: Buffer.from("bridge\0") }]);
    const fixed = new Uint8Array(payload.buffer);
    const bytes = encodeMessage({ ...message(fixed), type: RTM_NEWLINK }, [
      { type: IFLA_IFNAME, value: Buffer.from("eth0\0junk") },
      { type: IFLA_MTU, value: Uint8Array.of(0x28, 0x23, 0, 0) },
      { type: IFLA_MASTER, value: Uint8Array.of(7, 0, 0, 0) },
      { type: IFLA_ADDRESS, value: Uint8Array.of(2, 0, 0, 0, 0xab, 7) },
      { type: IFLA_IFALIAS, value: Buffer.from("a word\0") },
      { type: IFLA_LINKINFO, value: kind },
    ]);
    const [link] = decodeMessages(bytes);
    expect(interfaceFrom(link!)).toEqual({
      index: 2,
      name: "eth0",
      isUp: true,
      isLoopback: false,
      hasCarrier: true,
      alias: "a word",
      kind: "bridge",
      master: 7,
      mtu: 9000,
      mac: "02:00:00:00:ab:07",
    });
  });

  test("takes a link without attributes for a card of nobody's", () => {
    const fixed = new Uint8Array(IFINFOMSG.size);
    const [link] = decodeMessages(encodeMessage({ ...message(fixed), type: RTM_NEWLINK }));
    expect(interfaceFrom(link!)).toMatchObject({
      name: "",
      alias: "",
      kind: "",
      master: 0,
      mtu: 0,
    });
  });
});
