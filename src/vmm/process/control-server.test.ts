import { describe, expect, test } from "bun:test";
import { AuraeError } from "../../base/errors.ts";
import { packetSocketPair, receivePacket, sendPacket } from "../../kernel/net/packet-socket.ts";
import { EventFd } from "../../kernel/sys/event-fd.ts";
import type { FileDescriptor } from "../../kernel/sys/fd.ts";
import {
  parseVmmMessage,
  type Request,
  requestPacket,
  type VmmEvent,
} from "../protocol/messages.ts";
import { ControlServer, type Served } from "./control-server.ts";

const NONE = {};
const line = (message: string): VmmEvent => ({ event: "log", level: "info", message, fields: {} });

/** Does nothing but what a test says, and ends when it is told to quit. */
class Fake implements Served, Disposable {
  readonly event = new EventFd();
  readonly events: VmmEvent[] = [];
  readonly seen: string[] = [];
  exitCode: number | undefined;
  onRequest: (request: Request) => unknown = () => NONE;

  get eventFd(): number {
    return this.event.descriptor.number;
  }

  handle(request: Request, descriptors: readonly FileDescriptor[]): unknown {
    this.seen.push(`${request.method} ${descriptors.length}`);
    if (request.method === "quit") {
      this.exitCode = 0;
    }
    return this.onRequest(request);
  }

  takeEvents(): VmmEvent[] {
    this.event.take();
    return this.events.splice(0);
  }

  [Symbol.dispose](): void {
    this.event[Symbol.dispose]();
  }
}

function connected() {
  const stack = new DisposableStack();
  const [daemon, socket] = packetSocketPair().map((end) => stack.use(end));
  const fake = stack.use(new Fake());
  const server = new ControlServer(socket!.number, fake);
  const ask = (...requests: readonly Request[]) => {
    for (const request of requests) {
      sendPacket(daemon!.number, requestPacket(request));
    }
  };
  const heard = () => {
    const messages = [];
    for (;;) {
      const packet = receivePacket(daemon!.number, new Uint8Array(65536));
      if (typeof packet === "number") {
        return messages;
      }
      messages.push(parseVmmMessage(packet.bytes));
    }
  };
  return { fake, server, ask, heard, daemon: daemon!, [Symbol.dispose]: () => stack.dispose() };
}

const quit = (id: number): Request => ({ id, method: "quit", params: NONE });

describe("ControlServer", () => {
  test("answers one request after the other, and ends when it is told to", () => {
    using it = connected();
    it.fake.onRequest = ({ method }) => (method === "status" ? { state: "empty" } : NONE);
    it.ask(
      { id: 7, method: "status", params: NONE },
      { id: 8, method: "run", params: NONE },
      quit(9),
    );
    expect(it.server.run()).toBe(0);
    expect(it.heard()).toEqual([
      { id: 7, result: { state: "empty" } },
      { id: 8, result: {} },
      { id: 9, result: {} },
    ]);
  });

  test("tells whose fault it is, and complains of what is no request", () => {
    using it = connected();
    const errors: Record<string, Error> = {
      run: new AuraeError("failed_precondition", "not yet"),
      pause: new TypeError("no such thing"),
    };
    it.fake.onRequest = ({ method }) => {
      if (errors[method] !== undefined) {
        throw errors[method];
      }
      return NONE;
    };
    sendPacket(it.daemon.number, Buffer.from("hello"));
    it.ask(
      { id: 1, method: "run", params: NONE },
      { id: 2, method: "pause", params: NONE },
      quit(3),
    );
    it.server.run();
    expect(it.heard()).toEqual([
      expect.objectContaining({
        event: "log",
        level: "warn",
        message: "a request was not understood",
      }),
      { id: 1, error: { kind: "failed_precondition", message: "not yet" } },
      { id: 2, error: { kind: "internal", message: "no such thing" } },
      { id: 3, result: {} },
    ]);
  });

  test("hands on descriptors, and closes them afterwards", () => {
    using it = connected();
    const request: Request = { id: 1, method: "snapshot", params: NONE };
    const { number } = it.daemon;
    sendPacket(number, requestPacket(request), [number, number]);
    it.ask(quit(2));
    it.server.run();
    expect(it.fake.seen).toEqual(["snapshot 2", "quit 0"]);
    expect(it.heard().length).toBe(2);
  });

  test("tells of the end before it ends, although nobody asks", () => {
    using it = connected();
    it.fake.events.push(line("one"), { event: "ended", end: { kind: "reset", message: "" } });
    it.fake.exitCode = 10;
    it.fake.event.signal();
    expect(it.server.run()).toBe(10);
    expect(it.heard()).toEqual([
      line("one"),
      { event: "ended", end: { kind: "reset", message: "" } },
    ]);
  });

  test("keeps little for a daemon that does not read, but the end", () => {
    using it = connected();
    const lines = Array.from({ length: 2000 }, (_, i) => line(`${i} ${"x".repeat(1000)}`));
    it.fake.events.push(...lines, { event: "ended", end: { kind: "off", message: "" } });
    it.fake.exitCode = 0;
    it.fake.event.signal();
    expect(it.server.run()).toBe(0);
    const heard = it.heard();
    expect(heard.length).toBeLessThan(2000);
    expect(heard.slice(0, 10)).toEqual(lines.slice(0, 10));
  });

  test("goes on without a daemon until the machine ends", () => {
    using it = connected();
    it.daemon[Symbol.dispose]();
    it.fake.event.signal();
    let looks = 0;
    it.fake.takeEvents = () => {
      looks += 1;
      it.fake.exitCode = looks === 3 ? 11 : undefined;
      return [line("nobody hears it")];
    };
    expect(it.server.run()).toBe(11);
  });
});
