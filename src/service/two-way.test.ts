import { describe, expect, test } from "bun:test";
import { Channel } from "../base/channel.ts";
import { closeOnAbort, firstOf, LiveOutput } from "./two-way.ts";

type Answer = { readonly message: { readonly case: string; readonly value: unknown } };

const output = (value: string): Answer => ({ message: { case: "output", value } });
const missed = (value: bigint): Answer => ({ message: { case: "missedBytes", value } });

async function* requests(...cases: readonly string[]) {
  yield* cases.map((each) => ({ message: { case: each, value: each } }));
}

describe("firstOf", () => {
  test("gives the start of a stream, and leaves the rest", async () => {
    const all = requests("start", "input");
    expect(await firstOf(all)).toEqual({ case: "start", value: "start" });
    expect((await all.next()).value).toEqual({ message: { case: "input", value: "input" } });
  });

  test("refuses a stream that begins with something else, or is empty", async () => {
    for (const all of [requests("input", "start"), requests()]) {
      await expect(firstOf(all)).rejects.toMatchObject({
        ...{ kind: "invalid_argument" },
        message: "start: has to be the first message of the stream",
      });
    }
  });
});

describe("closeOnAbort", () => {
  test("ends the answers of a caller that goes, and hears of it no more once it is disposed of", () => {
    for (const isDisposed of [false, true]) {
      const answers = new Channel<Answer>(1);
      const caller = new AbortController();
      const closing = closeOnAbort(answers, caller.signal);
      if (isDisposed) {
        closing[Symbol.dispose]();
      }
      caller.abort();
      expect(answers.offer(output("a"))).toBe(isDisposed);
    }
  });
});

describe("LiveOutput", () => {
  test("says how much was missed before what comes next, and nothing where nothing was", async () => {
    const answers = new Channel<Answer>(2);
    const live = new LiveOutput(answers);
    const taken = answers[Symbol.asyncIterator]();
    for (const text of ["a", "b", "cd", "efg"]) {
      live.offer(output(text), text.length);
    }
    expect([(await taken.next()).value, (await taken.next()).value]).toEqual([
      output("a"),
      output("b"),
    ]);
    live.offer(output("h"), 1);
    expect([(await taken.next()).value, (await taken.next()).value]).toEqual([
      missed(5n),
      output("h"),
    ]);
  });

  test("counts what finds room only for the count", async () => {
    const answers = new Channel<Answer>(1);
    const live = new LiveOutput(answers);
    const taken = answers[Symbol.asyncIterator]();
    live.offer(output("a"), 1);
    live.offer(output("bc"), 2);
    await taken.next();
    live.offer(output("def"), 3);
    expect((await taken.next()).value).toEqual(missed(2n));
    await live.pushMissed();
    expect((await taken.next()).value).toEqual(missed(3n));
  });

  test("pushes at the end what was missed last, and nothing else", async () => {
    const answers = new Channel<Answer>(1);
    const live = new LiveOutput(answers);
    await live.pushMissed();
    live.offer(output("a"), 1);
    live.offer(output("bc"), 2);
    const pushed = live.pushMissed().then(() => answers.close());
    expect(await Array.fromAsync(answers)).toEqual([output("a"), missed(2n)]);
    await pushed;
  });

  test("tells nothing twice of what is still printed after that", async () => {
    const answers = new Channel<Answer>(1);
    const live = new LiveOutput(answers);
    const taken = answers[Symbol.asyncIterator]();
    live.offer(output("a"), 1);
    live.offer(output("bc"), 2);
    await taken.next();
    await live.pushMissed();
    expect((await taken.next()).value).toEqual(missed(2n));
    live.offer(output("d"), 1);
    expect((await taken.next()).value).toEqual(output("d"));
  });
});
