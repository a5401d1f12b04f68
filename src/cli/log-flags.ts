/** The flags of commands that write output that is kept. */
import { flag } from "./flags.ts";

export const LOG_FLAGS = {
  follow: flag("follow", "Go on with what comes, until it has ended.", { short: "f" }),
  since: flag("since", "Only what came after this time, or within this time until now.", {
    valueName: "TIME",
  }),
  /** Of an executable. */
  stream: flag("stream", "Which of its streams.", {
    valueName: "NAME",
    choices: ["stdout", "stderr", "both"],
    default: "both",
  }),
  timestamps: flag("timestamps", "The time before each line. Its bytes stay as they are."),
} as const;
