import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { MailboxWorkerData } from "../../../test/harness/mailbox-worker.ts";
import { EventFd } from "../../kernel/sys/event-fd.ts";
import { type AccessHandler, AccessMailbox } from "./access-mailbox.ts";

/** A mailbox whose other thread answers as soon as it is woken, in this one. */
function answered(handle: AccessHandler): { mailbox: AccessMailbox; rings: () => number } {
  let rings = 0;
  const mailbox: AccessMailbox = new AccessMailbox({
    signal: () => {
      rings += 1;
      mailbox.serve(handle);
    },
  });
  mailbox.prepareSleep();
  return { mailbox, rings: () => rings };
}

describe("AccessMailbox", () => {
  test.each([1, 2, 4, 8])("carries an access of %d bytes there and back", (length) => {
    const seen: unknown[] = [];
    const { mailbox, rings } = answered((space, isWrite, address, data) => {
      seen.push([space, isWrite, address, [...data]]);
      data.fill(0xa5);
    });
    const data = Uint8Array.from({ length }, (_, i) => i + 1);
    mailbox.write("mmio", 0xf_1234_5678_9abc, data);
    expect([...data]).toEqual(Array.from({ length }, (_, i) => i + 1));
    mailbox.read("port", 0x3f8, data);
    expect([...data]).toEqual(Array.from({ length }, () => 0xa5));
    expect(seen).toEqual([
      ["mmio", true, 0xf_1234_5678_9abc, Array.from({ length }, (_, i) => i + 1)],
      ["port", false, 0x3f8, expect.any(Array)],
    ]);
    expect(rings()).toBe(2);
  });

  test("a handler that throws still lets the processor go", () => {
    const mailbox: AccessMailbox = new AccessMailbox({
      signal: () => {
        expect(() =>
          mailbox.serve(() => {
            throw new Error("no");
          }),
        ).toThrow("no");
      },
    });
    mailbox.prepareSleep();
    mailbox.read("port", 1, new Uint8Array(1));
    expect(mailbox.serve(() => undefined)).toBe(false);
  });

  test("nobody waits for a thread that is gone, and reads ones", () => {
    const { mailbox, rings } = answered(() => undefined);
    mailbox.close();
    const data = new Uint8Array(4);
    mailbox.read("mmio", 0, data);
    mailbox.write("mmio", 0, data);
    expect([...data]).toEqual([0xff, 0xff, 0xff, 0xff]);
    expect(rings()).toBe(0);
  });

  test("a thread does not go to sleep over an access that has just come", () => {
    let isAsked = false;
    const mailbox: AccessMailbox = new AccessMailbox({
      signal: () => {
        isAsked = true;
        expect(mailbox.prepareSleep()).toBe(false);
        mailbox.serve(() => undefined);
      },
    });
    expect(mailbox.prepareSleep()).toBe(true);
    mailbox.write("port", 0, new Uint8Array(1));
    expect(isAsked).toBe(true);
  });

  test("bytes for the serial port wait for nobody, and come before what is asked after them", () => {
    const seen: string[] = [];
    const { mailbox, rings } = answered((_, isWrite, address, data) => {
      seen.push(`${isWrite ? "w" : "r"}${address.toString(16)}:${data[0]}`);
    });
    expect(mailbox.postSerial(1)).toBe(false); // before the port has said what its status is
    mailbox.serialStatus = 0x60;
    mailbox.endSleep();
    for (let byte = 1; byte <= 3; byte++) {
      expect(mailbox.postSerial(byte)).toBe(true);
    }
    expect([seen, rings()]).toEqual([[], 0]);
    expect(mailbox.prepareSleep()).toBe(false);
    Atomics.store(new Int32Array(mailbox.memory), 2, 1); // asleep after all
    mailbox.write("port", 0x3fb, Uint8Array.of(9));
    expect(seen).toEqual(["w3f8:1", "w3f8:2", "w3f8:3", "w3fb:9"]);
    mailbox.endSleep();
    let taken = 0;
    while (mailbox.postSerial(taken & 0xff)) {
      taken += 1;
    }
    expect(taken).toBe(256);
    expect(mailbox.serve(() => undefined)).toBe(true);
    expect(mailbox.postSerial(1)).toBe(true);
    mailbox.serialStatus = 0;
    expect(mailbox.postSerial(2)).toBe(false);
  });

  test("processors in several threads get their own answers, and none is lost", async () => {
    using doorbell = new EventFd();
    const mailbox = new AccessMailbox(doorbell);
    const stop = new SharedArrayBuffer(4);
    const start = (role: MailboxWorkerData["role"]) =>
      new Worker(new URL("../../../test/harness/mailbox-worker.ts", import.meta.url), {
        workerData: {
          ...{ role, memory: mailbox.memory, stop, doorbellFd: doorbell.descriptor.number },
        } satisfies MailboxWorkerData,
      });
    const device = start("device");
    const served = once(device, "message");
    const processors = ["a", "b", "c"].map(() => start("processor"));
    const results = await Promise.all(processors.map((worker) => once(worker, "message")));
    expect(results.flat()).toEqual([{ wrong: 0 }, { wrong: 0 }, { wrong: 0 }]);
    Atomics.store(new Int32Array(stop), 0, 1);
    doorbell.signal();
    const [{ count, sleeps }] = await served;
    expect(count).toBe(3 * 2 * 5000);
    expect(sleeps).toBeGreaterThan(0);
    await Promise.all([device, ...processors].map((worker) => worker.terminate()));
  }, 60_000);
});
