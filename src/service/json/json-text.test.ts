import { describe, expect, test } from "bun:test";
import { jsonText } from "./json-text.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

describe("jsonText", () => {
  test("keeps the text of each call's last message for that call alone, and once", async () => {
    const taken: (string | undefined)[] = [];
    const decoded = Promise.withResolvers<void>();
    const calls = ["first", "second"].map((text, at) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      jsonText.call(async () => {
        jsonText.decode(bytes("before"));
        jsonText.decode(bytes(text));
        await decoded.promise;
        taken[at] = jsonText.take();
        taken[at + 2] = jsonText.take();
        resolve();
      });
      return promise;
    });
    decoded.resolve();
    await Promise.all(calls);
    expect(taken).toEqual(["first", "second", undefined, undefined]);
    expect(jsonText.take()).toBeUndefined();
  });

  test("keeps nothing of what is no UTF-8", () => {
    jsonText.call(() => {
      jsonText.decode(bytes("good"));
      expect(() => jsonText.decode(Uint8Array.of(0xff))).toThrow("not valid UTF-8");
      expect(jsonText.take()).toBeUndefined();
    });
  });
});
