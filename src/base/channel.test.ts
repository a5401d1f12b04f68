import { describe, expect, test } from "bun:test";
import { Channel } from "./channel.ts";

async function all<T>(channel: Channel<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of channel) {
    items.push(item);
  }
  return items;
}

/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.finally(() => {
    settled = true;
  });
  await Bun.sleep(0);
  return settled;
}

describe("Channel", () => {
  test("hands on what was offered before and after somebody takes, in order, until it is closed", async () => {
    const channel = new Channel<number>(10);
    expect([channel.offer(1), channel.offer(2)]).toEqual([true, true]);
    const taken = all(channel);
    channel.offer(3);
    await Bun.sleep(0);
    channel.offer(4);
    channel.close();
    expect(await taken).toEqual([1, 2, 3, 4]);
  });

  test("refuses an offer when it is full, and takes one again after somebody took", async () => {
    const channel = new Channel<number>(1);
    expect([channel.offer(1), channel.offer(2)]).toEqual([true, false]);
    const items = channel[Symbol.asyncIterator]();
    expect(await items.next()).toEqual({ value: 1, done: false });
    expect(channel.offer(3)).toBe(true);
    await items.return(undefined);
  });

  test("has a push wait for room, and no longer", async () => {
    const channel = new Channel<number>(2);
    expect([await channel.push(1), await channel.push(2)]).toEqual([true, true]);
    const third = channel.push(3);
    const fourth = channel.push(4);
    expect(await isSettled(third)).toBe(false);
    const items = channel[Symbol.asyncIterator]();
    await items.next();
    expect(await third).toBe(true);
    expect(await isSettled(fourth)).toBe(false);
    await items.next();
    expect(await fourth).toBe(true);
    await items.return(undefined);
  });

  test("refuses what comes after its end, and those who wait for room by then", async () => {
    const channel = new Channel<number>(1);
    channel.offer(1);
    const waiting = channel.push(2);
    channel.close();
    expect(await waiting).toBe(false);
    expect([channel.offer(3), await channel.push(4)]).toEqual([false, false]);
    expect(await all(channel)).toEqual([1]);
  });

  test("throws its error after what waits was taken; the first end counts", async () => {
    const channel = new Channel<number>(5);
    channel.offer(1);
    channel.close(new Error("first"));
    channel.close(new Error("second"));
    channel.close();
    const taken: number[] = [];
    const read = async (): Promise<void> => {
      for await (const item of channel) {
        taken.push(item);
      }
    };
    expect(read()).rejects.toThrow("first");
    await Bun.sleep(0);
    expect(taken).toEqual([1]);
  });

  test("refuses everything once its reader has gone, and drops what waited", async () => {
    const channel = new Channel<number>(2);
    channel.offer(1);
    channel.offer(2);
    const waiting = [channel.push(3), channel.push(4)];
    for await (const _item of channel) {
      break;
    }
    // There was room for one as the reader took one.
    expect(await Promise.all(waiting)).toEqual([true, false]);
    expect(channel.offer(5)).toBe(false);
    expect(await all(channel)).toEqual([]);
  });

  test("wakes a reader that waits when it is closed", async () => {
    const channel = new Channel<number>(1);
    const taken = all(channel);
    expect(await isSettled(taken)).toBe(false);
    channel.close();
    expect(await taken).toEqual([]);
  });

  test("loses nothing and never holds more than its bound, with many who push at once", async () => {
    const channel = new Channel<string>(3);
    const push = async (who: string): Promise<void> => {
      for (let i = 0; i < 50; i++) {
        expect(await channel.push(`${who}${i}`)).toBe(true);
      }
    };
    const pushed = Promise.all(["a", "b", "c", "d"].map(push)).then(() => channel.close());
    const taken: string[] = [];
    for await (const item of channel) {
      taken.push(item);
      if (taken.length % 7 === 0) {
        await Bun.sleep(0);
      }
    }
    await pushed;
    for (const who of ["a", "b", "c", "d"]) {
      const own = taken.filter((item) => item.startsWith(who));
      expect(own).toEqual(Array.from({ length: 50 }, (_, i) => `${who}${i}`));
    }
  });
});
