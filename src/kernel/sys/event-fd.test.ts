import { expect, test } from "bun:test";
import { EventFd } from "./event-fd.ts";

test("EventFd counts signals until they are taken", () => {
  using event = new EventFd();
  expect(event.take()).toBe(0n);
  event.signal();
  event.signal();
  expect(event.take()).toBe(2n);
  expect(event.take()).toBe(0n);
});

test("EventFd refuses to be used when it is closed", () => {
  const event = new EventFd({ isBlocking: true });
  event[Symbol.dispose]();
  expect(() => event.signal()).toThrow("EBADF");
  expect(() => event.take()).toThrow("EBADF");
});
