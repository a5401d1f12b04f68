/** auraed(8), from what `auraed --help` and `auraed pki --help` print. */
import { USAGE } from "../../src/daemon/config.ts";
import { USAGE as PKI_USAGE } from "../../src/pki/options.ts";
import { programPage } from "./program-page.ts";
import { entry, heading, type Page, paragraph, subheading, verbatim } from "./roff.ts";
import { readUsage } from "./usage.ts";

export function auraedPage(version: string): Page {
  const pki = readUsage(PKI_USAGE);
  return programPage({
    ...{ name: "auraed", section: 8, version, usage: USAGE },
    description: [
      "`auraed` owns the processes that it starts: it starts them, limits them, ends them, and tells about them through one API behind mutual TLS, which aer(1) calls. It runs beside another init, or as the init of a machine. It logs to standard output. SIGTERM and SIGINT end it, and with it all that it has started; one that is killed leaves that to the next.",
    ],
    more: [
      heading("certificates"),
      subheading("auraed pki"),
      verbatim(pki.synopsis),
      ...pki.paragraphs.map(paragraph),
      ...pki.options.map(({ term, text }) => entry(term, text)),
    ],
    exitStatus: [
      ["0", "It was told to end."],
      ["1", "It could not start or go on; one line on standard error says why and what to do."],
      ["2", "The command line is wrong."],
    ],
    seeAlso: ["aer(1)", "auraescript(1)"],
  });
}
