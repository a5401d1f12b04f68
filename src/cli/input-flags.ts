/** The flags of commands that send our standard input to something that runs. */
import { flag } from "./flags.ts";

export const INPUT_FLAGS = {
  interactive: flag("interactive", "Send it our standard input.", { short: "i" }),
  noStdin: flag("no-stdin", "Only look on: send no input, not even from a terminal."),
} as const;
