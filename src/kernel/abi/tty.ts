/** Terminals, and what they have in common with pipes (asm-generic/ioctls.h, asm-generic/termios.h). */
import { layout } from "./layout.ts";

/** How many bytes can be read (pipe(7)). */
export const FIONREAD = 0x541b;
export const TIOCGWINSZ = 0x5413;
export const TIOCSWINSZ = 0x5414;
export const TIOCSPTLCK = 0x4004_5431;
export const TIOCGPTPEER = 0x5441;

/** `struct winsize` */
export const WINSIZE = layout({
  ws_row: "u16",
  ws_col: "u16",
  ws_xpixel: "u16",
  ws_ypixel: "u16",
});
