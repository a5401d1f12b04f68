import { describe, expect, test } from "bun:test";
import { randomFrom } from "../../../test/harness/random.ts";
import { bounded } from "./bounded.ts";
import {
  MAX_MESSAGE_BYTES,
  parseRequest,
  parseResult,
  parseVmmMessage,
  type Request,
  requestPacket,
  type VmmMessage,
  vmmPacket,
} from "./messages.ts";
import { ProtocolError } from "./protocol-error.ts";

const packet = (value: unknown) => Buffer.from(JSON.stringify(value));

const REQUESTS: readonly Request[] = [
  { id: 0, method: "run", params: {} },
  { id: 1, method: "input", params: { to: "console", bytes: Buffer.from("ls\n") } },
  { id: 2, method: "input", params: { to: "serial", bytes: Buffer.alloc(4096, 0xff) } },
  { id: 3, method: "resize", params: { columns: 80, rows: 25 } },
  { id: 4, method: "setBalloon", params: { bytes: 1 << 30 } },
  { id: Number.MAX_SAFE_INTEGER, method: "quit", params: {} },
];

const MESSAGES: readonly VmmMessage[] = [
  { id: 0, result: {} },
  { id: 1, error: { kind: "invalid_argument", message: "no" } },
  { event: "ended", end: { kind: "crash", message: "a triple fault" } },
  {
    event: "log",
    level: "warn",
    message: "stopped",
    fields: { device: "block", queue: 1, is: true },
  },
];

describe("parseRequest", () => {
  test.each(REQUESTS)("reads what requestPacket wrote: $method", (request) => {
    expect(parseRequest(requestPacket(request))).toEqual(request);
  });

  test.each<[unknown, number | undefined, string]>([
    [[], undefined, "request is [], and not an object"],
    [{ id: -1, method: "run", params: {} }, undefined, "request.id is -1"],
    [{ id: 1, method: "fly", params: {} }, 1, 'no method "fly"'],
    [{ id: 1, method: "constructor", params: {} }, 1, 'no method "constructor"'],
    [{ id: 1, method: "run" }, 1, "request.params is undefined, and not an object"],
    [{ id: 1, method: "run", params: { fast: true } }, 1, 'params has no field "fast"'],
    [{ id: 1, method: "run", params: {}, more: 1 }, 1, 'request has no field "more"'],
    [{ id: 1, method: "create", params: {} }, 1, "config.version is missing"],
    [{ id: 1, method: "input", params: { to: "stdin", data: "" } }, 1, "params.to is"],
    [{ id: 1, method: "input", params: { to: "serial", data: "a" } }, 1, "is not base64"],
    [{ id: 1, method: "resize", params: { columns: 65_536, rows: 1 } }, 1, "params.columns is"],
  ])("refuses %j and knows whom to tell", (value, id, message) => {
    let caught: unknown;
    try {
      parseRequest(packet(value));
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(ProtocolError);
    expect((caught as ProtocolError).message).toContain(message);
    expect((caught as ProtocolError).requestId).toBe(id);
  });

  test("refuses more input than fits", () => {
    const params = { to: "serial", data: Buffer.alloc(4097).toString("base64") };
    expect(() => parseRequest(packet({ id: 1, method: "input", params }))).toThrow("params.data");
  });

  test("refuses what is too long, no JSON, or no UTF-8", () => {
    expect(() => parseRequest(new Uint8Array(MAX_MESSAGE_BYTES + 1))).toThrow("65537 bytes");
    expect(() => parseRequest(Buffer.from("{"))).toThrow("not JSON");
    expect(() => parseRequest(Buffer.from([0x22, 0xff, 0x22]))).toThrow("not JSON");
  });
});

describe("parseVmmMessage", () => {
  test.each(MESSAGES)("reads what vmmPacket wrote: %j", (message) => {
    expect(parseVmmMessage(vmmPacket(message))).toEqual(message);
  });

  test.each<[unknown, string]>([
    [{ event: "party" }, "message.event is"],
    [{ event: "ended", end: { kind: "died", message: "" } }, "message.end.kind is"],
    [{ event: "log", level: "info", message: "", fields: { a: {} } }, "fields has more than"],
    [{ event: "log", level: "info", message: "", fields: { "a\n2026": 1 } }, "with plain names"],
    [{ event: "log", level: "info", message: "", fields: { "": 1 } }, "with plain names"],
    [{ event: "log", level: "info", message: "", fields: { a: "x".repeat(4097) } }, "short texts"],
    [{ event: "log", level: "info", message: "x".repeat(5000), fields: {} }, "message.message is"],
    [{ id: 1, error: { kind: "not_found", message: "" } }, "message.error.kind is"],
    [{ result: {} }, "message.id is missing"],
  ])("refuses %j", (value, message) => {
    expect(() => parseVmmMessage(packet(value))).toThrow(message);
  });
});

describe("parseResult", () => {
  test("reads a status, and leaves out what it does not know", () => {
    const end = { kind: "off", message: "" };
    const status = {
      state: "ended",
      runtimeMs: 1.5,
      firstRunAtMs: 1.7e12,
      balloonBytes: 4096,
      end,
    };
    expect(parseResult("status", { ...status, later: 1 })).toEqual(status as never);
  });

  test("refuses an answer that is none", () => {
    expect(() => parseResult("status", { state: "asleep", runtimeMs: 0 })).toThrow("state is");
    expect(() => parseResult("input", { taken: -1 })).toThrow("taken is -1");
    expect(() => parseResult("run", undefined)).toThrow("the result of run is undefined");
  });
});

test("bounded cuts what no field takes", () => {
  const message = {
    event: "ended",
    end: { kind: "crash", message: bounded("x".repeat(9999)) },
  } as const;
  expect(parseVmmMessage(vmmPacket(message))).toEqual(message);
});

test("packets with changed bytes are refused, or are messages, and nothing else happens", () => {
  const random = randomFrom(3);
  const packets = [...REQUESTS.map(requestPacket), ...MESSAGES.map(vmmPacket)];
  let refused = 0;
  for (let i = 0; i < 20_000; i++) {
    const bytes = packets[random(packets.length)]!.slice();
    for (let changes = 1 + random(3); changes > 0; changes--) {
      bytes[random(bytes.length)] = random(2) === 0 ? 0x20 + random(0x60) : random(256);
    }
    for (const parse of [parseRequest, parseVmmMessage]) {
      try {
        parse(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError);
        refused += 1;
      }
    }
  }
  expect(refused).toBeGreaterThan(1000);
});
