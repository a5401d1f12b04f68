import { describe, expect, test } from "bun:test";
import { randomFrom } from "../../../test/harness/random.ts";
import { MemoryState } from "../state/memory-state.ts";
import { type CellEvent, type EventFilter, EventLog } from "./event-log.ts";
import { RESERVED_EVENTS } from "./sequenced-log.ts";

const emit = (log: EventLog, cell: string, count = 1): void => {
  for (let i = 0; i < count; i++) {
    log.emit({ kind: "started", cell });
  }
};

/** Somebody who follows, and what was told. */
class Reader {
  readonly events: CellEvent[] = [];
  readonly #abort = new AbortController();
  readonly ended: Promise<unknown>;

  constructor(log: EventLog, filter: EventFilter = {}) {
    this.ended = this.#read(log, filter).catch((error: unknown) => error);
  }

  async #read(log: EventLog, filter: EventFilter): Promise<void> {
    for await (const event of log.read(filter, this.#abort.signal)) {
      this.events.push(event);
    }
  }

  get numbers(): number[] {
    return this.events.map(({ sequence }) => Number(sequence));
  }

  /** Takes what is there by now, and goes. */
  async stop(): Promise<number[]> {
    await Bun.sleep(0);
    this.#abort.abort();
    await this.ended;
    return this.numbers;
  }
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** How a read ends that can't begin. */
const refusal = (log: EventLog, after: bigint): Promise<unknown> =>
  new Reader(log, { after }).ended;

describe("EventLog.read", () => {
  test("tells those from now on", async () => {
    const log = new EventLog();
    emit(log, "a", 3);
    const reader = new Reader(log);
    await Bun.sleep(0);
    emit(log, "a", 2);
    expect(await reader.stop()).toEqual([4, 5]);
  });

  test("tells history, then what comes, without a gap and without telling anything twice", async () => {
    const log = new EventLog();
    emit(log, "a", 5);
    const reader = new Reader(log, { after: 2n });
    emit(log, "a", 2);
    await Bun.sleep(0);
    emit(log, "a", 2);
    expect(await reader.stop()).toEqual([3, 4, 5, 6, 7, 8, 9]);
  });

  test("tells everything after 0", async () => {
    const log = new EventLog();
    emit(log, "a", 2);
    expect(await new Reader(log, { after: 0n }).stop()).toEqual([1, 2]);
  });

  test("tells all that an event has, with its number and its time", async () => {
    const log = new EventLog();
    const before = Date.now();
    const init = { kind: "exited", cell: "a", executable: "x", pid: 7, detail: "d" } as const;
    log.emit({ ...init, status: { kind: "exited", code: 3 } });
    const reader = new Reader(log, { after: 0n });
    await reader.stop();
    const [event] = reader.events;
    expect(event).toMatchObject({ ...init, sequence: 1n, status: { kind: "exited", code: 3 } });
    expect(event?.timestampMs).toBeWithin(before, Date.now() + 1);
  });

  test("tells of one cell and those below it alone, not of one whose name begins alike", async () => {
    const log = new EventLog();
    const cells = ["a", "a/b", "ab", "a/b/c", "b/a", "", "a-b"];
    for (const cell of cells) {
      emit(log, cell);
    }
    const of = (cell: string) => new Reader(log, { after: 0n, cell }).stop();
    expect(await of("a")).toEqual([1, 2, 4]);
    expect(await of("a/b")).toEqual([2, 4]);
    expect(await of("nobody")).toEqual([]);
  });

  test("refuses to begin with what is no longer kept, and names the oldest", async () => {
    const log = new EventLog({ capacity: 10 });
    emit(log, "a", 19);
    expect(await new Reader(log, { after: 0n }).stop()).toEqual(range(1, 19));
    emit(log, "a");
    expect(await refusal(log, 9n)).toMatchObject({
      kind: "out_of_range",
      message:
        "events after 9 are no longer kept: the oldest is 11; look at List, and begin with 10",
    });
    expect(await new Reader(log, { after: 10n }).stop()).toEqual(range(11, 20));
  });

  test("refuses to begin behind the last one, and takes the last one itself", async () => {
    const log = new EventLog();
    emit(log, "a", 2);
    expect(await refusal(log, 3n)).toMatchObject({
      kind: "out_of_range",
      message: expect.stringContaining("there is no event 3 yet: the last one is 2"),
    });
    expect(await new Reader(log, { after: 2n }).stop()).toEqual([]);
  });

  test("ends when its reader goes, in the middle of history, too", async () => {
    const log = new EventLog();
    emit(log, "a", 3);
    const abort = new AbortController();
    const seen: bigint[] = [];
    for await (const { sequence } of log.read({ after: 0n }, abort.signal)) {
      seen.push(sequence);
      abort.abort();
    }
    expect(seen).toEqual([1n]);
    const gone = log.read({ after: 0n }, AbortSignal.abort());
    expect(await gone.next()).toEqual({ value: undefined, done: true });
  });

  test("cuts off a reader that is too slow, once it has all before the gap, with the number to go on with", async () => {
    const log = new EventLog();
    const abort = new AbortController();
    const slow = log.read({ after: 0n }, abort.signal);
    emit(log, "a");
    const seen = [(await slow.next()).value as CellEvent];
    emit(log, "a", 25_000);
    let error: unknown;
    try {
      for await (const event of slow) {
        seen.push(event);
      }
    } catch (thrown) {
      error = thrown;
    }
    const last = seen.length;
    expect(seen.map(({ sequence }) => Number(sequence))).toEqual(range(1, last));
    expect(last).toBeWithin(10_000, 25_000);
    expect(error).toMatchObject({
      kind: "resource_exhausted",
      message: `this reader of events is too slow; go on with after_sequence = ${last}`,
    });
    const next = await new Reader(log, { after: BigInt(last) }).stop();
    expect(next).toEqual(range(last + 1, 25_001));
  });

  test("holds nobody up because of a slow reader", async () => {
    const log = new EventLog();
    const slow = log.read({ after: 0n }, new AbortController().signal);
    emit(log, "a");
    await slow.next();
    const reader = new Reader(log);
    await Bun.sleep(0);
    emit(log, "a", 30);
    expect((await reader.stop()).length).toBe(30);
    await slow.return(undefined);
  });

  test("tells random readers exactly what they want of what happens, however they come and go", async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = randomFrom(seed);
      const log = new EventLog({ last: BigInt(random(3) * 1_000), capacity: 1_000 });
      const all: { sequence: number; cell: string }[] = [];
      const readers: { reader: Reader; after: bigint; cell: string | undefined }[] = [];
      for (let i = 0; i < 80; i++) {
        if (random(5) === 0) {
          const first = all[0]?.sequence ?? Number(log.lastSequence) + 1;
          const after = BigInt(first - 1 + random(all.length + 1));
          const cell = [undefined, "a", "a/b"][random(3)];
          readers.push({
            reader: new Reader(log, { after, ...(cell === undefined ? {} : { cell }) }),
            after,
            cell,
          });
        }
        const cell = ["a", "a/b", "ab", "b", ""][random(5)]!;
        emit(log, cell);
        all.push({ sequence: Number(log.lastSequence), cell });
        if (random(4) === 0) {
          await Bun.sleep(0);
        }
      }
      for (const { reader, after, cell } of readers) {
        const wanted = all.filter(
          (event) =>
            event.sequence > after &&
            (cell === undefined || event.cell === cell || event.cell.startsWith(`${cell}/`)),
        );
        expect({ seed, told: await reader.stop() }).toEqual({
          seed,
          told: wanted.map(({ sequence }) => sequence),
        });
      }
    }
  });
});

describe("EventLog and the daemon that comes next", () => {
  const open = (state: MemoryState): EventLog =>
    new EventLog({
      last: state.load().lastEvent,
      reserve: (upTo) => state.reserveEvents(upTo),
    });

  test("go on behind every number that was told, wherever the one before was killed", () => {
    for (const count of [0, 1, RESERVED_EVENTS - 1, RESERVED_EVENTS, RESERVED_EVENTS + 1]) {
      const state = new MemoryState();
      const first = open(state);
      emit(first, "a", count);
      const second = open(state);
      emit(second, "a");
      expect(second.lastSequence).toBeGreaterThan(first.lastSequence);
    }
  });

  test("reserve numbers before they are told, and many at a time", () => {
    const reserved: [upTo: bigint, told: bigint][] = [];
    const log: EventLog = new EventLog({
      last: 7n,
      reserve: (upTo) => reserved.push([upTo, log.lastSequence]),
    });
    emit(log, "a", 2 * RESERVED_EVENTS);
    expect(reserved).toEqual([
      [1_007n, 7n],
      [2_007n, 1_007n],
    ]);
  });

  test("reserve nothing as long as nothing happens", () => {
    const state = new MemoryState();
    open(state);
    open(state);
    expect(state.load().lastEvent).toBe(0n);
  });

  test("tell one who comes back that there may be a gap, and where to go on", async () => {
    const state = new MemoryState();
    const before = open(state);
    emit(before, "a", 37);
    const log = open(state);
    expect(await refusal(log, 37n)).toMatchObject({
      kind: "out_of_range",
      message: expect.stringContaining("the oldest is 1001; look at List, and begin with 1000"),
    });
    const reader = new Reader(log, { after: 1_000n });
    emit(log, "a");
    expect(await reader.stop()).toEqual([1_001]);
  });

  test("tell what happens also where no numbers can be reserved", () => {
    const log = new EventLog({
      reserve: () => {
        throw new Error("database or disk is full");
      },
    });
    emit(log, "a", 3);
    expect(log.lastSequence).toBe(3n);
  });
});
