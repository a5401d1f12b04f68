import { describe, expect, test } from "bun:test";
import { layout } from "../abi/layout.ts";
import { MAX_SENT, PlanMessage } from "./plan-message.ts";

const HEAD = layout({ length: "u64", texts: "u64", pairs: "u64" });
const PAIR = layout({ text: "u64", number: "u32" });

/** The string at a place of a message. */
function stringAt(message: Uint8Array, at: number): string {
  return new TextDecoder().decode(message.subarray(at, message.indexOf(0, at)));
}

function wordAt(message: Uint8Array, at: number): number {
  return Number(new DataView(message.buffer, message.byteOffset).getBigUint64(at, true));
}

/** Of a null-terminated array. */
function stringsAt(message: Uint8Array, at: number): string[] {
  const strings: string[] = [];
  for (let i = 0, place = wordAt(message, at); place !== 0; place = wordAt(message, at + 8 * i)) {
    strings.push(stringAt(message, place));
    i += 1;
  }
  return strings;
}

function packed(texts: readonly string[], pairs: readonly [string, number][]) {
  const message = new PlanMessage(HEAD.size);
  const values = {
    texts: message.strings(texts),
    pairs: message.structs(PAIR, pairs, ([text, number]) => ({
      text: message.string(text),
      number,
    })),
  };
  return message.finish((view, length) => HEAD.write(view, { length, ...values })).message;
}

describe("PlanMessage", () => {
  test("puts what is pointed to behind the head, by the distance from there", () => {
    const message = packed(["", "ä🦀"], [["one", 1]]);
    expect(wordAt(message, HEAD.offsets.length)).toBe(message.byteLength);
    expect(stringsAt(message, wordAt(message, HEAD.offsets.texts))).toEqual(["", "ä🦀"]);
    const pair = wordAt(message, HEAD.offsets.pairs);
    expect(stringAt(message, wordAt(message, pair))).toBe("one");
    expect(wordAt(message, pair + PAIR.offsets.number)).toBe(1);
  });

  test("has no place for nothing", () => {
    const message = new PlanMessage(HEAD.size);
    expect(message.bytes(new Uint8Array(0))).toBe(0);
    expect(message.structs(PAIR, [], () => ({}))).toBe(0);
    expect(message.descriptor(undefined)).toBe(-1);
  });

  test("grows, whatever makes it: what was packed before stays as it was", () => {
    const long = "x".repeat(100_000);
    const texts = ["first", long, "last"];
    const pairs: [string, number][] = [
      ["a", 7],
      [long, 8],
      ["b", 9],
    ];
    const message = packed(texts, pairs);
    expect(stringsAt(message, wordAt(message, HEAD.offsets.texts))).toEqual(texts);
    const at = wordAt(message, HEAD.offsets.pairs);
    const found = pairs.map((_, i) => [
      stringAt(message, wordAt(message, at + i * PAIR.size)),
      wordAt(message, at + i * PAIR.size + PAIR.offsets.number) % 2 ** 32,
    ]);
    expect(found).toEqual(pairs);
    // The next one is as if this had not been.
    expect(stringsAt(packed(["y"], []), HEAD.size)).toEqual(["y"]);
  });

  test("refuses a NUL character, which would end a string", () => {
    expect(() => new PlanMessage(HEAD.size).string("a\0b")).toThrow(
      'a NUL character in "a\\u0000b"',
    );
  });

  test("counts descriptors, and leaves room for one more", () => {
    const message = new PlanMessage(HEAD.size);
    for (let i = 0; i < MAX_SENT - 1; i++) {
      expect(message.descriptor(100 + i)).toBe(i);
    }
    expect(() => message.descriptor(1)).toThrow(`more than ${MAX_SENT - 1} descriptors`);
    const { descriptors, descriptorCount } = message.finish(() => undefined);
    expect([descriptorCount, descriptors[0], descriptors.length]).toEqual([
      MAX_SENT - 1,
      100,
      MAX_SENT,
    ]);
  });
});
