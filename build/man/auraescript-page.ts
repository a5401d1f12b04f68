/** auraescript(1), from what `auraescript --help` prints. */
import { USAGE } from "../../src/script/command-line.ts";
import { programPage } from "./program-page.ts";
import type { Page } from "./roff.ts";

export function auraescriptPage(version: string): Page {
  return programPage({
    ...{ name: "auraescript", section: 1, version, usage: USAGE },
    exitStatus: [
      ["0", "The script is done, and has nothing more to wait for."],
      ["1", "An error that nobody caught, a script that does not parse or is not there."],
      ["2", "The command line makes no sense."],
      ["130", "It was ended by Ctrl-C."],
      ["141", "Nobody reads its output any more."],
    ],
    seeAlso: ["aer(1)", "auraed(8)"],
  });
}
