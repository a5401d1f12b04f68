/** Input devices that have a certain key (linux/input.h, Documentation/input/input.rst), and the events they send. */
import { closeSync, openSync, readdirSync } from "node:fs";
import { EV_KEY, EVIOCGBIT, INPUT_EVENT, KEY_MAX } from "../abi/input.ts";
import { syscallRaw } from "../sys/syscall.ts";

const DIRECTORY = "/dev/input";
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
export function decodeEvents(bytes: Uint8Array): { events: InputEvent[]; rest: Uint8Array } {
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

function hasKey(path: string, key: number): boolean {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return false; // ENOENT, ENODEV: it went away; EACCES: not for us
  }
  try {
    const bits = new Uint8Array((KEY_MAX >> 3) + 1);
    // SAFETY: the kernel writes at most as many bytes as the request's number says, which is the array's length.
    const result = syscallRaw("ioctl", fd, EVIOCGBIT(EV_KEY, bits.length), bits);
    return result > 0 && ((bits[key >> 3] ?? 0) & (1 << (key & 7))) !== 0;
  } finally {
    closeSync(fd);
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
  const paths = names.slice(0, MAX_DEVICES).map((name) => `${DIRECTORY}/${name}`);
  return paths.filter((path) => hasKey(path, key)).map((path) => new KeyDevice(path));
}
