import { expect, test } from "bun:test";
import { freePair } from "./ipv4-pairs.ts";

const prefix = (text: string) => {
  const [address = "", length] = text.split("/");
  return { address, prefixLength: Number(length) };
};

const pairWith = (...taken: readonly string[]) => freePair(taken.map(prefix));

test("freePair starts with the first of its range", () => {
  expect(pairWith()).toEqual({ host: "192.168.248.0", guest: "192.168.248.1" });
});

test.each([
  [["192.168.248.0/31"], "192.168.248.2"],
  [["192.168.248.1/32"], "192.168.248.2"],
  [["192.168.248.0/31", "192.168.248.2/31", "192.168.248.6/31"], "192.168.248.4"],
  // A network of the host's that the range is in the middle of, and one in the range's middle.
  [["192.168.248.77/24"], "192.168.249.0"],
  [["192.168.240.0/21"], "192.168.248.0"],
  [["fe80::1/64", "::/0", "10.0.0.0/8"], "192.168.248.0"],
])("freePair leaves out what %j has", (taken, host) => {
  expect(pairWith(...taken)?.host).toBe(host);
});

test.each([["192.168.0.0/16"], ["192.168.248.0/21"], ["0.0.0.0/0"]])(
  "freePair has none where all is in %s",
  (taken) => {
    expect(pairWith(taken)).toBeUndefined();
  },
);

test("freePair has the last of its range, and then no more", () => {
  const pairs = Array.from({ length: 1024 }, (_, nth) => {
    return `192.168.${248 + (nth >> 7)}.${(nth & 127) * 2}/31`;
  });
  const last = { host: "192.168.255.254", guest: "192.168.255.255" };
  expect(pairWith(...pairs.slice(0, -1).toReversed())).toEqual(last);
  expect(pairWith(...pairs)).toBeUndefined();
});
