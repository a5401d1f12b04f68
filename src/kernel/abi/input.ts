/** Input events (linux/input.h, linux/input-event-codes.h). */
import { layout } from "./layout.ts";

export const EV_KEY = 1;
export const KEY_POWER = 116;

/** `struct input_event` on 64-bit machines. */
export const INPUT_EVENT = layout({
  tv_sec: "i64",
  tv_usec: "i64",
  type: "u16",
  code: "u16",
  value: "i32",
});
