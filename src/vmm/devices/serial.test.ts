import { describe, expect, test } from "bun:test";
import { randomFrom } from "../../../test/harness/random.ts";
import { SERIAL_INPUT_MAX_BYTES, Serial } from "./serial.ts";

const [DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
const [FCR, DLAB] = [IIR, 0x80] as const;
const [LOOP, OUT2, OUT1, RTS, DTR] = [0x10, 8, 4, 2, 1] as const;
const NONE = 1;

class Port {
  edges = 0;
  wanted = 0;
  readonly sent: number[] = [];
  readonly serial = new Serial({
    interrupt: { trigger: () => this.#count() },
    output: (byte) => void this.sent.push(byte),
    inputWanted: () => this.#want(),
  });

  #count(): void {
    this.edges += 1;
  }

  #want(): void {
    this.wanted += 1;
  }

  in(register: number): number {
    const data = new Uint8Array(1);
    this.serial.read(register, data);
    return data[0]!;
  }

  out(register: number, value: number): void {
    this.serial.write(register, new Uint8Array([value]));
  }

  feed(...bytes: number[]): number {
    return this.serial.feed(new Uint8Array(bytes));
  }

  /** The edges since the last question. */
  newEdges(): number {
    const { edges } = this;
    this.edges = 0;
    return edges;
  }
}

describe("Serial", () => {
  test("sends each byte at once, and is always ready for the next", () => {
    const port = new Port();
    for (const byte of Buffer.from("hi")) {
      port.out(DATA, byte);
      expect(port.in(LSR)).toBe(0x60);
    }
    expect(Buffer.from(port.sent).toString()).toBe("hi");
    expect(port.newEdges()).toBe(0);
  });

  test("gives input in its order, and says in LSR whether there is any", () => {
    const port = new Port();
    expect(port.feed(1, 2, 3)).toBe(3);
    expect([port.in(LSR), port.in(DATA), port.in(DATA), port.in(DATA)]).toEqual([0x61, 1, 2, 3]);
    expect([port.in(LSR), port.in(DATA)]).toEqual([0x60, 0]);
  });

  test("passes what Linux's driver looks for in a 16550A", () => {
    const port = new Port();
    // autoconfig(): IER has four bits, and loops tell a modem's lines.
    port.out(IER, 0);
    expect(port.in(IER)).toBe(0);
    port.out(IER, 0xff);
    expect(port.in(IER)).toBe(0x0f);
    port.out(IER, 0);
    port.out(MCR, LOOP | OUT2 | RTS);
    expect(port.in(MSR) & 0xf0).toBe(0x90);
    port.out(MCR, 0);
    port.out(SCR, 0x5a);
    expect(port.in(SCR)).toBe(0x5a);
    // Its FIFO is there, and of 16 bytes: no bit of a 16750's.
    port.out(FCR, 1);
    expect(port.in(IIR)).toBe(0xc0 | NONE);
    port.out(FCR, 0x21);
    expect(port.in(IIR) & 0x20).toBe(0);
    port.out(FCR, 0);
    expect(port.in(IIR)).toBe(NONE);
  });

  test("keeps the divisor apart from data and interrupts", () => {
    const port = new Port();
    port.out(LCR, DLAB | 3);
    port.out(DATA, 0x34);
    port.out(IER, 0x12);
    expect([port.in(DATA), port.in(IER), port.in(LCR)]).toEqual([0x34, 0x12, 0x83]);
    port.out(LCR, 3);
    expect([port.in(DATA), port.in(IER), port.sent.length]).toEqual([0, 0, 0]);
  });

  test("splits a wider access into one for each register", () => {
    const port = new Port();
    port.serial.write(MCR, new Uint8Array([RTS, 0, 0, 0x77]));
    const data = new Uint8Array(4);
    port.serial.read(MCR, data);
    expect([...data]).toEqual([RTS, 0x60, 0xb0, 0x77]);
    port.serial.read(SCR, data);
    expect([...data]).toEqual([0x77, 0xff, 0xff, 0xff]);
  });
});

describe("interrupts of Serial", () => {
  test("for input, come when it comes, and hold until it is taken", () => {
    const port = new Port();
    port.feed(1);
    expect(port.newEdges()).toBe(0);
    port.out(IER, 1);
    expect(port.newEdges()).toBe(1);
    expect([port.in(IIR), port.in(IIR)]).toEqual([4, 4]);
    port.in(DATA);
    expect([port.in(IIR), port.newEdges()]).toEqual([NONE, 0]);
    port.feed(2);
    expect(port.newEdges()).toBe(1);
  });

  test("for input below the trigger level of the FIFO, are timeouts", () => {
    const port = new Port();
    port.out(FCR, 0x81);
    port.out(IER, 1);
    port.feed(1, 2, 3, 4, 5, 6, 7);
    expect(port.in(IIR)).toBe(0xcc);
    port.feed(8);
    expect(port.in(IIR)).toBe(0xc4);
    expect(port.newEdges()).toBe(1);
  });

  test("for the empty transmitter, come when they are asked for, and end when IIR is read", () => {
    const port = new Port();
    port.out(IER, 2);
    expect(port.newEdges()).toBe(1);
    expect([port.in(IIR), port.in(IIR)]).toEqual([2, NONE]);
    // Linux asks again to see whether they come back.
    port.out(IER, 0);
    port.out(IER, 2);
    expect([port.newEdges(), port.in(IIR)]).toEqual([1, 2]);
  });

  test("for the empty transmitter, come once for all that is sent until IIR is read", () => {
    const port = new Port();
    port.out(IER, 2);
    port.in(IIR);
    port.newEdges();
    for (let byte = 0; byte < 16; byte += 1) {
      port.out(DATA, byte);
    }
    expect([port.newEdges(), port.in(IIR), port.in(IIR)]).toEqual([1, 2, NONE]);
    port.out(DATA, 1);
    expect(port.newEdges()).toBe(1);
  });

  test("come for a new cause while another holds", () => {
    const port = new Port();
    port.out(IER, 3);
    port.newEdges();
    port.feed(1);
    expect(port.newEdges()).toBe(1);
    // Input goes before the transmitter.
    expect([port.in(IIR), port.in(DATA), port.in(IIR)]).toEqual([4, 1, 2]);
  });

  test("for a changed modem line, hold until MSR is read", () => {
    const port = new Port();
    port.out(IER, 8);
    port.out(MCR, LOOP);
    expect([port.newEdges(), port.in(IIR)]).toEqual([1, 0]);
    expect([port.in(MSR), port.in(MSR), port.in(IIR)]).toEqual([0x0b, 0, NONE]);
    port.out(MCR, LOOP | OUT1 | DTR);
    expect(port.in(MSR)).toBe(0x62);
    // The ring indicator counts when it goes off.
    port.out(MCR, LOOP | DTR);
    expect(port.in(MSR)).toBe(0x24);
  });
});

describe("a looped Serial", () => {
  test("receives what it sends, and sends nothing out", () => {
    const port = new Port();
    port.out(MCR, LOOP);
    port.out(DATA, 0x42);
    expect([port.in(LSR), port.in(DATA), port.sent.length]).toEqual([0x61, 0x42, 0]);
  });

  test("reports an overrun once its FIFO is full", () => {
    const port = new Port();
    port.out(FCR, 1);
    port.out(IER, 4);
    port.out(MCR, LOOP);
    for (let byte = 0; byte < 17; byte += 1) {
      port.out(DATA, byte);
    }
    expect([port.newEdges(), port.in(IIR)]).toEqual([1, 0xc6]);
    expect([port.in(LSR), port.in(LSR)]).toEqual([0x63, 0x61]);
    expect(Array.from({ length: 16 }, () => port.in(DATA)).at(-1)).toBe(15);
    expect(port.in(LSR)).toBe(0x60);
  });

  test("leaves input from outside waiting", () => {
    const port = new Port();
    port.out(MCR, LOOP);
    port.feed(9);
    expect(port.in(LSR)).toBe(0x60);
    port.out(MCR, 0);
    expect([port.in(LSR), port.in(DATA)]).toEqual([0x61, 9]);
  });
});

describe("input of Serial", () => {
  test("is bounded, and asked for again when half of it is taken", () => {
    const port = new Port();
    const all = new Uint8Array(SERIAL_INPUT_MAX_BYTES + 100).map((_, at) => at % 251);
    const taken = port.serial.feed(all);
    expect(taken).toBeLessThan(all.length);
    expect(port.wanted).toBe(0);
    // One went into the receiver, so there is room for one more.
    expect(port.feed(1, 2)).toBe(1);
    const half = SERIAL_INPUT_MAX_BYTES / 2 + 16;
    const read = Array.from({ length: half }, () => port.in(DATA));
    expect(read).toEqual([...all.subarray(0, half)]);
    expect(port.wanted).toBe(1);
    expect(port.serial.feed(all.subarray(taken))).toBe(all.length - taken);
    expect(port.wanted).toBe(1);
  });

  test("is dropped from the FIFO when the guest clears it, but not from behind it", () => {
    const port = new Port();
    port.out(FCR, 1);
    port.feed(...Array.from({ length: 20 }, (_, at) => at));
    port.out(FCR, 3);
    expect([port.in(DATA), port.in(DATA), port.in(DATA), port.in(DATA)]).toEqual([16, 17, 18, 19]);
    expect(port.in(LSR)).toBe(0x60);
  });
});

describe("the state of Serial", () => {
  test("is all that the guest can see, and tells what is pending again", () => {
    const port = new Port();
    port.out(LCR, DLAB);
    port.out(DATA, 0x34);
    port.out(LCR, 3);
    port.out(FCR, 0x81);
    port.out(SCR, 0x77);
    port.out(MCR, OUT2 | RTS);
    port.out(IER, 3);
    port.feed(...Array.from({ length: 40 }, (_, at) => at));
    const state = JSON.parse(JSON.stringify(port.serial.save()));
    const other = new Port();
    other.serial.restore(state);
    expect(other.edges).toBe(1);
    const seen = (of: Port) => [1, 2, 3, 4, 5, 6, 7].map((register) => of.in(register));
    expect(seen(other)).toEqual(seen(port));
    const read = Array.from({ length: 41 }, () => other.in(DATA));
    expect(read).toEqual(Array.from({ length: 41 }, (_, at) => at % 40));
    expect(other.in(IIR)).toBe(0xc2);
    other.out(LCR, DLAB);
    expect(other.in(DATA)).toBe(0x34);
  });

  test.each([
    ["version", 2],
    ["interruptEnable", 16],
    ["hasOverrun", 1],
    ["received", Array.from({ length: 17 }, () => 0)],
    ["received", [256]],
    ["waiting", ["a"]],
    ["divisor", -1],
  ])("is refused where its %s is %j", (field, value) => {
    const state = { ...new Port().serial.save(), [field]: value };
    expect(() => new Port().serial.restore(state)).toThrow(field);
  });
});

test("plainStatus is what LSR reads as, whenever it is not 0", () => {
  const random = randomFrom(9);
  const port = new Port();
  let [plain, odd] = [0, 0];
  for (let i = 0; i < 20_000; i++) {
    if (random(3) === 0) {
      port.feed(random(256));
    } else if (random(2) === 0) {
      port.in(random(8));
    } else {
      port.out(random(8), random(4) === 0 ? random(256) : 0);
    }
    const status = port.serial.plainStatus;
    if (status === 0) {
      odd += 1;
    } else {
      plain += 1;
      const sent = port.sent.length;
      expect([port.in(LSR), port.serial.plainStatus]).toEqual([status, status]);
      port.out(DATA, 1);
      expect([port.sent.length, port.in(LSR)]).toEqual([sent + 1, status]);
    }
  }
  expect(Math.min(plain, odd)).toBeGreaterThan(100);
});

test("Serial takes 100,000 random accesses and inputs from seed 3 without a fault", () => {
  const random = randomFrom(3);
  const port = new Port();
  let fed = 0;
  for (let round = 0; round < 100_000; round += 1) {
    const data = new Uint8Array(2 ** random(4)).map(() => random(256));
    const offset = random(8);
    if (random(3) === 0) {
      fed += port.serial.feed(data);
    } else if (random(2) === 0) {
      port.serial.read(offset, data);
    } else {
      port.serial.write(offset, data);
    }
  }
  expect(fed).toBeGreaterThan(SERIAL_INPUT_MAX_BYTES);
  expect(port.in(LSR) & 0x60).toBe(0x60);
});
