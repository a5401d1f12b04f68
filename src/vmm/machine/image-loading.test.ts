import { describe, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Mapping } from "../../kernel/sys/mapping.ts";
import { ImageLoading, loadParts } from "./image-loading.ts";

const MIB = 1024 * 1024;
const FILE_BYTES = 20 * MIB;

interface World {
  readonly loading: ImageLoading;
  readonly bytes: Uint8Array;
  readonly path: string;
  readonly fd: number;
}

/** Has a file of many different bytes read to two places, the second before the first. */
function withLoading(run: (world: World) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "image-loading-"));
  const path = join(folder, "initrd");
  const words = Uint32Array.from({ length: FILE_BYTES / 4 }, (_, i) => i * 2_654_435_761);
  writeFileSync(path, words);
  const fd = openSync(path, "r");
  try {
    using memory = new Mapping(2 * FILE_BYTES, "a test");
    using loading = new ImageLoading();
    const { bytes } = memory;
    const part = { name: "initrd", what: "archive", fd };
    loading.add({ ...part, offset: 0, into: bytes.subarray(FILE_BYTES, 2 * FILE_BYTES) });
    loading.add({ ...part, offset: FILE_BYTES - 7, into: bytes.subarray(3, 10) });
    run({ loading, bytes, path, fd });
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
}

describe("ImageLoading", () => {
  test("has every part in its place, and no byte beside it", () => {
    withLoading(({ loading, bytes }) => {
      loading.give(loadParts);
      loading.finish();
      const words = new Uint32Array(bytes.buffer, FILE_BYTES, FILE_BYTES / 4);
      expect(words.every((word, i) => word === (i * 2_654_435_761) >>> 0)).toBe(true);
      expect(bytes.subarray(3, 10)).toEqual(bytes.subarray(2 * FILE_BYTES - 7));
      expect([...bytes.subarray(0, 3), ...bytes.subarray(10, 13)]).toEqual([0, 0, 0, 0, 0, 0]);
    });
  });

  test("names the part that can't be read, and the one that has become shorter", () => {
    withLoading(({ loading, path }) => {
      truncateSync(path, FILE_BYTES - 7);
      loading.give(loadParts);
      expect(() => loading.finish()).toThrow('read the archive of "initrd": it has become shorter');
    });
    withLoading(({ loading, fd }) => {
      loading.give(({ parts, state }) =>
        loadParts({ parts: parts.map((part) => ({ ...part, fd: fd + 1000 })), state }),
      );
      expect(() => loading.finish()).toThrow(
        'read the archive of "initrd": the file can\'t be read',
      );
    });
  });

  test("stops where nobody waits any more, and writes nothing afterwards", () => {
    withLoading(({ loading, bytes }) => {
      const worker = new Worker(new URL("../../../test/harness/load-worker.ts", import.meta.url));
      loading.give((work) => {
        // The thread comes to it while the disposal waits.
        new Worker(new URL("../../../test/harness/load-worker.ts", import.meta.url)).postMessage(
          work,
        );
      });
      loading[Symbol.dispose]();
      const now = bytes.slice();
      Bun.sleepSync(50);
      expect(bytes.every((byte, i) => byte === now[i])).toBe(true);
      expect(() => loading.finish()).toThrow("it has become shorter");
      worker.terminate();
    });
  });
});
