/** Input devices that have a certain key (linux/input.h, Documentation/input/input.rst), and the events they send. */
import { readdirSync, readFileSync } from "node:fs";
import { EV_KEY, INPUT_EVENT } from "../abi/input.ts";

const DIRECTORY = "/dev/input";
const CLASS = "/sys/class/input";
const MAX_DEVICES = 256;

export interface InputEvent {
  readonly type: number;
  readonly code: number;
  /** Of a key: 0 released, 1 pressed, 2 held. */
  readonly value: number;
}

export function isPress({ type, code, value }: InputEvent, key: number): boolean {
  return type === EV_KEY && code === key && value === 1;
}

/** The whole events at the head of some bytes; the rest comes first the next time. */
function decodeEvents(bytes: Uint8Array): { events: InputEvent[]; rest: Uint8Array } {
  const events: InputEvent[] = [];
  let at = 0;
  for (; at + INPUT_EVENT.size <= bytes.length; at += INPUT_EVENT.size) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, INPUT_EVENT.size);
    events.push({
      type: INPUT_EVENT.read(view, "type"),
      code: INPUT_EVENT.read(view, "code"),
      value: INPUT_EVENT.read(view, "value"),
    });
  }
  return { events, rest: bytes.slice(at) };
}

const WORD_BITS = 64;

/**
 * Whether a bitmap has a bit.
 * @param text as sysfs prints it: words of 64 bits in hexadecimal, the highest first (drivers/input/input.c,
 * input_bits_to_string)
 */
export function hasBit(text: string, bit: number): boolean {
  const words = text.trim().split(" ").reverse();
  const word = words[Math.floor(bit / WORD_BITS)];
  if (word === undefined || !/^[0-9a-f]{1,16}$/.test(word)) {
    return false;
  }
  return ((BigInt(`0x${word}`) >> BigInt(bit % WORD_BITS)) & 1n) === 1n;
}

/** Asks sysfs and not the device: to open and close that costs a boot some ten milliseconds, for the kernel's RCU. */
function hasKey(name: string, key: number): boolean {
  try {
    return hasBit(readFileSync(`${CLASS}/${name}/device/capabilities/key`, "utf8"), key);
  } catch {
    return false; // ENOENT, ENODEV: it went away
  }
}

const readerOf = (path: string) => Bun.file(path).stream().getReader();

export class KeyDevice implements Disposable {
  readonly path: string;
  readonly #reader: ReturnType<typeof readerOf>;

  constructor(path: string) {
    this.path = path;
    this.#reader = readerOf(path);
  }

  /** Every event from now on; ends with the device, or when it is disposed of. */
  async *events(): AsyncGenerator<InputEvent> {
    let left: Uint8Array = new Uint8Array(0);
    for (;;) {
      const { value, done } = await this.#reader.read();
      if (done) {
        return;
      }
      const { events, rest } = decodeEvents(Buffer.concat([left, value]));
      left = rest;
      yield* events;
    }
  }

  [Symbol.dispose](): void {
    this.#reader.cancel().catch(() => undefined);
  }
}

/** The devices that have a key; none where the kernel has no input devices. */
export function keyDevices(key: number): KeyDevice[] {
  let names: string[];
  try {
    names = readdirSync(DIRECTORY).filter((name) => /^event\d+$/.test(name));
  } catch {
    return []; // ENOENT: no input devices here
  }
  return names
    .slice(0, MAX_DEVICES)
    .filter((name) => hasKey(name, key))
    .map((name) => new KeyDevice(`${DIRECTORY}/${name}`));
}
