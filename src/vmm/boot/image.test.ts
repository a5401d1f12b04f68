import { describe, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FilePart, Image, type ReadLater } from "./image.ts";

function withFile(run: (path: string, fd: number) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "image-"));
  try {
    const path = join(folder, "k");
    writeFileSync(path, "0123456789");
    const fd = openSync(path, "r");
    try {
      run(path, fd);
    } finally {
      closeSync(fd);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("Image", () => {
  test("reads a file at any offset, and leaves it open", () => {
    withFile((path, fd) => {
      const image = Image.ofFile(path, fd);
      expect(image.bytes).toBe(10);
      const into = new Uint8Array(3);
      image.readInto(7, into, "end");
      expect(new TextDecoder().decode(into)).toBe("789");
      expect(new TextDecoder().decode(image.slice(0, 2, "start"))).toBe("01");
    });
  });

  test("says which part is cut, of a file that became shorter, too", () => {
    withFile((path, fd) => {
      const image = Image.ofFile(path, fd);
      const message = `read the tail of "${path}": 4 bytes at 7 are past its end, which is at 10`;
      expect(() => image.slice(7, 4, "tail")).toThrow(message);
      truncateSync(path, 5);
      expect(() => image.slice(4, 3, "tail")).toThrow("read the tail");
    });
  });

  test("writes nothing where not all of it is there", () => {
    const into = new Uint8Array(4);
    const image = Image.ofBytes("k", new Uint8Array([1, 2, 3]));
    expect(() => image.readInto(1, into, "part")).toThrow("3");
    expect([...into]).toEqual([0, 0, 0, 0]);
  });

  test("refuses what is no regular file", () => {
    const fd = openSync("/", "r");
    expect(() => Image.ofFile("/", fd)).toThrow('read "/": it is not a regular file');
    closeSync(fd);
  });

  test.each([-1, 11, 2 ** 53, 2 ** 64, Number.NaN, Number.POSITIVE_INFINITY])(
    "reads nothing at %p",
    (offset) => {
      const image = Image.ofBytes("k", new Uint8Array(10));
      expect(() => image.readInto(offset, new Uint8Array(1), "part")).toThrow("read the part");
      expect(() => image.slice(offset, 1, "part")).toThrow("read the part");
    },
  );
});

test("Image.joined has each archive at a multiple of four bytes, and zeros between them", () => {
  const parts = ["abcde", "", "fg", "hijk"].map((text, i) =>
    Image.ofBytes(`${i}`, new TextEncoder().encode(text)),
  );
  const joined = Image.joined("all", parts);
  const text = "abcde\0\0\0fg\0\0hijk";
  expect(joined.bytes).toBe(text.length);
  for (let start = 0; start < text.length; start++) {
    const { buffer } = joined.slice(start, text.length - start, "text");
    expect(new TextDecoder().decode(buffer)).toBe(text.slice(start));
  }
  expect(() => joined.slice(1, text.length, "text")).toThrow("past its end");
  expect(Image.joined("none", []).bytes).toBe(0);
});

describe("what is loaded", () => {
  test("is read at once, or leaves it to somebody with its place", () => {
    withFile((path, fd) => {
      const into = new Uint8Array(4);
      Image.ofFile(path, fd).load(3, into, "part");
      expect(new TextDecoder().decode(into)).toBe("3456");
      const parts: FilePart[] = [];
      const later = Image.ofFile(path, fd, (part) => parts.push(part));
      later.load(3, into.fill(0), "part");
      expect(into).toEqual(new Uint8Array(4));
      expect(parts).toEqual([{ name: path, what: "part", fd, offset: 3, into }]);
      expect(() => later.load(8, into, "part")).toThrow("read the part");
      expect(parts.length).toBe(1);
    });
  });

  test("is for joined archives what is read", () => {
    withFile((path, fd) => {
      const parts: FilePart[] = [];
      const joined = (later?: ReadLater) =>
        Image.joined("all", [
          Image.ofBytes("first", new TextEncoder().encode("abcde")),
          Image.ofFile(path, fd, later),
          Image.ofFile(path, fd, later),
        ]);
      const length = joined().bytes;
      for (const [offset, end] of [
        [0, length],
        [6, length],
        [9, 19],
        [0, 5],
        [4, 8],
      ] as const) {
        const [read, loaded] = [new Uint8Array(end - offset), new Uint8Array(end - offset)];
        const image = joined((part) => parts.push(part));
        image.readInto(offset, read, "all");
        image.load(offset, loaded, "all");
        for (const { offset: at, into } of parts.splice(0)) {
          into.set(new TextEncoder().encode("0123456789").subarray(at, at + into.length));
        }
        expect([offset, end, loaded]).toEqual([offset, end, read]);
      }
    });
  });
});
