import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FFI_INIT } from "../../../build/paths.ts";
import { run } from "../../../build/run.ts";
import { ElfError, type ElfFile, readElf } from "./elf.ts";

/** A file of a few KiB is read in microseconds; this is for a slow host. */
const READ_LIMIT_MS = 2_000;

const folder = mkdtempSync(join(tmpdir(), "auraed-elf-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Has gcc make a small file of each kind; answers with its path. */
async function compiled(name: string, ...flags: readonly string[]): Promise<string> {
  const source = join(folder, `${name}.c`);
  const info = '__attribute__((section(".modinfo"), used)) static const char info[] = "a=b";';
  writeFileSync(source, `${info}\nint main(void) { return 0; }\n`);
  await run(["gcc", "-O1", ...flags, "-o", join(folder, name), source]);
  return join(folder, name);
}

/** What readelf of the binutils says of a file. */
async function readelf(path: string) {
  const dynamic = await run(["readelf", "--dynamic", "--wide", path]);
  const segments = await run(["readelf", "--program-headers", "--wide", path]);
  return {
    needed: [...dynamic.matchAll(/\(NEEDED\) .*\[(.*)\]/g)].map(([, name = ""]) => name),
    interpreter: /Requesting program interpreter: (.*)\]/.exec(segments)?.[1],
  };
}

/** Everything that the reader reads. */
function readAll(file: ElfFile) {
  const { interpreter, needed } = file;
  return { interpreter, needed, section: file.section(".modinfo"), none: file.section(".none") };
}

describe("readElf", () => {
  test.each(["/bin/true", process.execPath])(
    "finds the interpreter and the libraries of %s, as readelf does",
    async (path) => {
      const { interpreter, needed } = readElf(readFileSync(path));
      expect(needed.length).toBeGreaterThan(0);
      expect({ interpreter, needed }).toEqual(await readelf(path));
    },
  );

  test("keeps the file's order of several libraries", async () => {
    const flags = ["-Wl,--no-as-needed", "-lm", "-lresolv"];
    expect(readElf(readFileSync(await compiled("libraries", ...flags))).needed).toEqual([
      "libm.so.6",
      "libresolv.so.2",
      "libc.so.6",
    ]);
  });

  test("finds neither in a static executable and in an object file", async () => {
    for (const path of [FFI_INIT, await compiled("object", "-c")]) {
      expect(readElf(readFileSync(path))).toMatchObject({ interpreter: undefined, needed: [] });
    }
  });

  test("finds a section's bytes by its name, and nothing by another", async () => {
    const file = readElf(readFileSync(await compiled("section", "-c")));
    expect(Buffer.from(file.section(".modinfo") ?? []).toString()).toBe("a=b\0");
    expect(file.section(".modinf")).toBeUndefined();
    expect(file.section("")).toHaveLength(0);
  });

  test("reads a file that stands in a larger buffer", async () => {
    const bytes = readFileSync(await compiled("inner"));
    const larger = Buffer.concat([Buffer.alloc(11, 0xff), bytes]);
    expect(readAll(readElf(larger.subarray(11)))).toEqual(readAll(readElf(bytes)));
  });

  test.each([
    ["nothing", Buffer.alloc(0)],
    ["a script", Buffer.from("#!/bin/sh\n".padEnd(100))],
    ["a header alone that is too short", Buffer.from("\x7fELF\x02\x01".padEnd(63, "\0"), "latin1")],
    ["32 bits", Buffer.from("\x7fELF\x01\x01".padEnd(100, "\0"), "latin1")],
    ["big-endian", Buffer.from("\x7fELF\x02\x02".padEnd(100, "\0"), "latin1")],
  ])("refuses %s", (_, bytes) => {
    expect(() => readElf(bytes)).toThrow(ElfError);
    expect(() => readElf(bytes)).toThrow("not a 64-bit little-endian ELF file");
  });
});

/** Reads hostile bytes; fails unless that answers, or refuses clearly, in its time. @returns whether it answered */
function survives(what: string, bytes: Uint8Array): boolean {
  const start = performance.now();
  let answered = true;
  try {
    readAll(readElf(bytes));
  } catch (error) {
    answered = false;
    if (!(error instanceof ElfError)) {
      throw new Error(`readElf of a file with ${what}`, { cause: error });
    }
  }
  const ms = performance.now() - start;
  if (ms > READ_LIMIT_MS) {
    throw new Error(`readElf of a file with ${what}: it took ${Math.round(ms)} ms`);
  }
  return answered;
}

type Range = readonly [start: number, end: number];

/** Where everything stands that the reader goes by: the header, and the tables of segments, sections and libraries. */
function tablesOf(bytes: Buffer): Range[] {
  const segments = Number(bytes.readBigUInt64LE(32));
  const sections = Number(bytes.readBigUInt64LE(40));
  const segmentsEnd = segments + bytes.readUInt16LE(56) * 56;
  const ranges: Range[] = [
    [0, 64],
    [segments, segmentsEnd],
    [sections, sections + bytes.readUInt16LE(60) * 64],
  ];
  for (let at = segments; at < segmentsEnd; at += 56) {
    if (bytes.readUInt32LE(at) === 2) {
      const start = Number(bytes.readBigUInt64LE(at + 8));
      ranges.push([start, start + Number(bytes.readBigUInt64LE(at + 32))]);
    }
  }
  expect(ranges).toHaveLength(4);
  return ranges;
}

describe("readElf, on a hostile file,", () => {
  test("refuses every truncation", async () => {
    const bytes = readFileSync(await compiled("truncated"));
    // The section headers stand last; of the very last one the name alone is read.
    for (let length = 0; length <= bytes.length - 64; length += 3) {
      expect(survives(`${length} of its bytes`, bytes.subarray(0, length))).toBe(false);
    }
    expect(survives("all of its bytes", bytes)).toBe(true);
  });

  test("answers or refuses for every flipped bit of its tables", async () => {
    const good = readFileSync(await compiled("flipped"));
    const counts = { answered: 0, refused: 0 };
    for (const [start, end] of tablesOf(good)) {
      for (let bit = start * 8; bit < end * 8; bit++) {
        const bytes = Buffer.from(good);
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        counts[survives(`bit ${bit} flipped`, bytes) ? "answered" : "refused"] += 1;
      }
    }
    expect(counts.answered).toBeGreaterThan(0);
    expect(counts.refused).toBeGreaterThan(0);
  });

  test("answers or refuses for the smallest and largest values in every field", async () => {
    const good = readFileSync(await compiled("fields"));
    const most = [31n, 32n, 53n, 63n, 64n].map((bits) => (1n << bits) - 1n);
    let refused = 0;
    for (const [start, end] of tablesOf(good)) {
      for (let at = start; at + 8 <= end; at += 4) {
        for (const value of [0n, 1n, ...most]) {
          const bytes = Buffer.from(good);
          bytes.writeBigUInt64LE(value, at);
          refused += survives(`${value} at ${at}`, bytes) ? 0 : 1;
        }
      }
    }
    expect(refused).toBeGreaterThan(0);
  });

  test("answers or refuses for random bytes behind a good beginning", () => {
    for (let round = 0; round < 2000; round++) {
      const bytes = crypto.getRandomValues(new Uint8Array(64 + (round % 1000)));
      bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
      survives(`the random bytes ${Buffer.from(bytes).toString("hex")}`, bytes);
    }
  });

  test("refuses a name that has no end", async () => {
    const bytes = readFileSync("/bin/true");
    const at = bytes.indexOf("/lib64/ld-linux");
    expect(() => readElf(bytes.fill(0x41, at))).toThrow(
      /^read a name at \d+: no end within 4096 bytes$/,
    );
  });
});
