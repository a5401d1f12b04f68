import { describe, expect, test } from "bun:test";
import { encodeRecord, parseIndex, RECORD_BYTES, type TimeRecord } from "./time-index.ts";

const RECORDS: readonly TimeRecord[] = [
  { offset: 0, timeMs: 1_795_000_000_000 },
  { offset: 1, timeMs: 1_795_000_000_001 },
  { offset: 2 ** 41, timeMs: 1_795_000_000_000 },
];
const bytesOf = (records: readonly TimeRecord[]) => Buffer.concat(records.map(encodeRecord));

describe("parseIndex", () => {
  test("reads what encodeRecord wrote, also where the clock went back", () => {
    expect(parseIndex(bytesOf(RECORDS))).toEqual([...RECORDS]);
  });

  test("leaves a torn record out", () => {
    const bytes = bytesOf(RECORDS);
    for (let cut = 1; cut < RECORD_BYTES; cut++) {
      expect(parseIndex(bytes.subarray(0, bytes.length - cut))).toEqual(RECORDS.slice(0, 2));
    }
  });

  test("leaves a record out in which any bit is wrong, and takes those around it", () => {
    for (let bit = 0; bit < RECORD_BYTES * 8; bit++) {
      const bytes = bytesOf(RECORDS);
      const at = RECORD_BYTES + (bit >> 3);
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << (bit & 7)), at);
      expect(parseIndex(bytes)).toEqual([RECORDS[0]!, RECORDS[2]!]);
    }
  });

  test("takes only offsets that grow", () => {
    const [first, second, third] = RECORDS as [TimeRecord, TimeRecord, TimeRecord];
    expect(parseIndex(bytesOf([second, first, second, third]))).toEqual([second, third]);
    expect(parseIndex(bytesOf([...RECORDS]), 1)).toEqual([third]);
  });

  test("takes nothing of random bytes", () => {
    for (let i = 0; i < 2_000; i++) {
      const bytes = Buffer.from(crypto.getRandomValues(new Uint8Array(i % 200)));
      expect(parseIndex(bytes)).toEqual([]);
    }
    expect(parseIndex(Buffer.alloc(64))).toEqual([]);
  });
});
