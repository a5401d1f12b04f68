import { expect, test } from "bun:test";
import { randomFrom } from "../../../test/harness/random.ts";
import { ByteQueue } from "./byte-queue.ts";

test("ByteQueue does what an array does, within its bound, for 20,000 random steps from seed 4", () => {
  const random = randomFrom(4);
  const queue = new ByteQueue(7);
  let model: number[] = [];
  for (let step = 0; step < 20_000; step += 1) {
    const kind = random(8);
    if (kind < 3) {
      const bytes = Array.from({ length: random(5) }, () => random(256));
      const room = 7 - model.length;
      expect(queue.push(bytes)).toBe(Math.min(room, bytes.length));
      model = [...model, ...bytes.slice(0, room)];
    } else if (kind < 7) {
      expect(queue.shift()).toBe(model.shift() as number);
    } else if (random(20) === 0) {
      queue.clear();
      model = [];
    }
    expect(queue.toArray()).toEqual(model);
    expect(queue.length).toBe(model.length);
  }
});
