/** Input events and their ioctls (linux/input.h, linux/input-event-codes.h, asm-generic/ioctl.h). */
import { layout } from "./layout.ts";

export const EV_KEY = 1;
export const KEY_POWER = 116;
export const KEY_MAX = 0x2ff;

/** `struct input_event` on 64-bit machines. */
export const INPUT_EVENT = layout({
  tv_sec: "i64",
  tv_usec: "i64",
  type: "u16",
  code: "u16",
  value: "i32",
});

const IOC_READ = 2;

/** EVIOCGBIT(ev, len): the codes of one type that a device can send, as a bitmap. */
export function EVIOCGBIT(type: number, bytes: number): number {
  return IOC_READ * 2 ** 30 + bytes * 2 ** 16 + "E".charCodeAt(0) * 2 ** 8 + 0x20 + type;
}
