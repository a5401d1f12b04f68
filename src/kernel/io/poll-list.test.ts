import { expect, test } from "bun:test";
import { pipePair, writeNow } from "../../../test/harness/socket-pair.ts";
import { POLLIN, POLLOUT } from "../abi/poll.ts";
import { isReady, PollList } from "./poll-list.ts";

test("PollList says which of many descriptors are ready, and for what", () => {
  using stack = new DisposableStack();
  const pipes = Array.from({ length: 20 }, () => pipePair().map((fd) => stack.use(fd)));
  const list = new PollList();
  for (const [from] of pipes) {
    list.add(from!.number, POLLIN);
  }
  expect(list.wait(0)).toBe(0);
  writeNow(pipes[17]![1]!, Buffer.from("x"));
  list.add(pipes[3]![1]!.number, POLLIN | POLLOUT);
  expect(list.wait(-1)).toBe(2);
  const ready = Array.from({ length: list.count }, (_, i) => list.events(i));
  expect(ready).toEqual(ready.map((_, i) => (i === 17 ? POLLIN : i === 20 ? POLLOUT : 0)));
  expect(list.fd(17)).toBe(pipes[17]![0]!.number);
  list.clear();
  expect([list.count, list.wait(0)]).toEqual([0, 0]);
});

test("isReady says it of one, now", () => {
  using stack = new DisposableStack();
  const [from, to] = pipePair().map((fd) => stack.use(fd));
  expect(isReady(from!.number, POLLIN)).toBe(false);
  writeNow(to!, Buffer.from("x"));
  expect(isReady(from!.number, POLLIN)).toBe(true);
  expect(isReady(to!.number, 0)).toBe(false);
  from![Symbol.dispose]();
  // An error comes unasked.
  expect(isReady(to!.number, 0)).toBe(true);
});
