import { describe, expect, test } from "bun:test";
import { guestMemory, MIB } from "../../../test/harness/boot-images.ts";
import { COMMAND_LINE_ADDRESS } from "../memory-map.ts";
import { COMMAND_LINE_MAX_BYTES, writeCommandLine } from "./command-line.ts";

const memory = guestMemory(16 * MIB);

describe("writeCommandLine", () => {
  test("writes the text with a zero at its end, over what was there", () => {
    writeCommandLine(memory, "x".repeat(40));
    expect(writeCommandLine(memory, "console=ttyS0 é")).toEqual({
      address: COMMAND_LINE_ADDRESS,
      bytes: 16,
    });
    const bytes = memory.bytes(COMMAND_LINE_ADDRESS, 17);
    expect(new TextDecoder().decode(bytes)).toBe("console=ttyS0 é\0");
  });

  test("takes as much as the kernel does, and no byte more", () => {
    expect(writeCommandLine(memory, "x".repeat(255), 255).bytes).toBe(255);
    expect(() => writeCommandLine(memory, "x".repeat(256), 255)).toThrow(
      "it has 256 bytes, and this kernel takes 255; shorten it",
    );
    const most = "x".repeat(COMMAND_LINE_MAX_BYTES);
    expect(writeCommandLine(memory, most, 2 ** 32).bytes).toBe(COMMAND_LINE_MAX_BYTES);
    expect(() => writeCommandLine(memory, `${most}x`, 2 ** 32)).toThrow("takes 2047");
  });

  test.each(["a\0b", "a\x1bb", "a\rb", "a\x7fb"])("refuses the control character in %j", (text) => {
    expect(() => writeCommandLine(memory, text)).toThrow("at 1 is no part of a word");
  });
});
