/**
 * Writes numbered lines of 100 bytes to standard output, 40 in a write as libc's buffer has them, and then ends.
 * Arguments: how many lines, and how many a second; 0 is as fast as it goes.
 */
import { writeSync } from "node:fs";

const LINE_BYTES = 100;
const LINES_PER_WRITE = 40;
const PACE_MS = 5;

const [count, perSecond] = process.argv.slice(2).map(Number);
const rest =
  "the quick brown fox jumps over the lazy dog, and GET /api/v0/cells answers 200 after 0.4 ms ".repeat(
    2,
  );
const buffer = Buffer.alloc(LINE_BYTES * LINES_PER_WRITE);
const still = new Int32Array(new SharedArrayBuffer(4));
const start = performance.now();

for (let done = 0; done < count; done += LINES_PER_WRITE) {
  for (let i = 0; i < LINES_PER_WRITE; i++) {
    const line = `${String(done + i).padStart(10, "0")} ${rest}`.slice(0, LINE_BYTES - 1);
    buffer.write(`${line}\n`, i * LINE_BYTES, "latin1");
  }
  const length = Math.min(LINES_PER_WRITE, count - done) * LINE_BYTES;
  for (let at = 0; at < length;) {
    at += writeSync(1, buffer, at, length - at);
  }
  if (perSecond > 0) {
    const aheadMs = ((done + LINES_PER_WRITE) * 1000) / perSecond - (performance.now() - start);
    if (aheadMs > PACE_MS) {
      Atomics.wait(still, 0, 0, aheadMs);
    }
  }
}
