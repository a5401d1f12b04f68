/** For what runs inside of a test VM: says something on the console of the machine. */
import { openSync, writeSync } from "node:fs";

const terminal = openSync("/dev/console", "w");

/** @param mark stands before each line, for the test to tell them from others */
export function say(mark: string, text: string): void {
  for (const line of text.split("\n")) {
    writeSync(terminal, `${mark}| ${line.replaceAll("\r", "")}\n`);
  }
}
