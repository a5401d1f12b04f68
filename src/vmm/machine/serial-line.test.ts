import { describe, expect, test } from "bun:test";
import { pipePair, readNow, writeNow } from "../../../test/harness/socket-pair.ts";
import { POLLIN, POLLOUT } from "../../kernel/abi/poll.ts";
import { SerialLine } from "./serial-line.ts";

function lineWithPipes() {
  const stack = new DisposableStack();
  const [input, feed] = pipePair().map((fd) => stack.use(fd));
  const [reader, output] = pipePair().map((fd) => stack.use(fd));
  const lost: number[] = [];
  const line = new SerialLine({
    interrupt: { trigger: () => undefined },
    inputFd: input!.number,
    outputFd: output!.number,
    onLost: (bytes) => lost.push(bytes),
  });
  const write = (text: string) => {
    for (const byte of Buffer.from(text)) {
      line.serial.write(0, Uint8Array.of(byte));
    }
  };
  const take = () => {
    const bytes: number[] = [];
    for (const status = new Uint8Array(1); ;) {
      line.serial.read(5, status);
      if ((status[0]! & 1) === 0) {
        return Buffer.from(bytes).toString();
      }
      line.serial.read(0, status);
      bytes.push(status[0]!);
    }
  };
  const dispose = () => stack.dispose();
  return {
    line,
    input: input!,
    feed: feed!,
    reader: reader!,
    output: output!,
    lost,
    write,
    take,
    [Symbol.dispose]: dispose,
  };
}

describe("SerialLine", () => {
  test("writes whole lines at once, and the beginning of one after a while", async () => {
    using it = lineWithPipes();
    it.write("one\ntw");
    expect(readNow(it.reader)?.toString()).toBe("one\n");
    // Undefined where the while is over already, as on a busy host.
    expect(it.line.settle() ?? 1).toBeGreaterThan(0);
    const end = performance.now() + 1000;
    while (it.line.settle() !== undefined && performance.now() < end) {
      // Until it says that there is nothing to wait for.
    }
    expect(readNow(it.reader)?.toString()).toBe("tw");
  });

  test("keeps what nobody reads, to a bound, and then tells what was lost", () => {
    using it = lineWithPipes();
    const pipeBytes = 64 * 1024;
    const block = `${"x".repeat(1023)}\n`;
    for (let i = 0; i < 130; i++) {
      it.write(block);
    }
    expect(it.line.waits()).toContainEqual({ fd: it.output.number, events: POLLOUT });
    let got = 0;
    for (let i = 0; i < 4; i++) {
      got += readNow(it.reader)?.length ?? 0;
      it.line.ready(it.output.number);
    }
    expect(got).toBe(2 * pipeBytes);
    expect(it.lost).toEqual([2 * 1024]);
    expect(it.line.waits()).not.toContainEqual({ fd: it.output.number, events: POLLOUT });
  });

  test("forgets what there is to say when nobody can read it any more", () => {
    using it = lineWithPipes();
    it.reader[Symbol.dispose]();
    it.write("gone\n");
    expect(it.line.settle()).toBeUndefined();
  });

  test("hands on input as the guest makes room, all of it and in order", () => {
    using it = lineWithPipes();
    const text = Array.from({ length: 20_000 }, (_, i) => `${i} `).join("");
    let [sent, got] = [0, ""];
    for (let rounds = 0; got.length < text.length && rounds < 10_000; rounds++) {
      sent += writeNow(it.feed, Buffer.from(text.slice(sent, sent + 5000)));
      it.line.settle();
      if (it.line.waits().some(({ fd }) => fd === it.input.number)) {
        it.line.ready(it.input.number);
      }
      if (rounds % 3 === 0) {
        got += it.take();
      }
    }
    expect(got === text).toBe(true);
    expect(it.line.waits()).toEqual([{ fd: it.input.number, events: POLLIN }]);
    it.feed[Symbol.dispose]();
    it.line.ready(it.input.number);
    expect(it.line.waits()).toEqual([]);
  });
});
