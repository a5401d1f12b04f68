/** auraed(8), from what `auraed --help` and `auraed pki --help` print. */
import { USAGE } from "../../src/daemon/config.ts";
import { USAGE as PKI_USAGE } from "../../src/pki/options.ts";
import { entry, heading, type Page, paragraph, references, subheading, verbatim } from "./roff.ts";
import { readUsage } from "./usage.ts";

const EXIT_STATUS: readonly (readonly [code: string, meaning: string])[] = [
  ["0", "It was told to end."],
  ["1", "It could not start or go on; one line on standard error says why and what to do."],
  ["2", "The command line is wrong."],
];

export function auraedPage(version: string): Page {
  const usage = readUsage(USAGE);
  const pki = readUsage(PKI_USAGE);
  const [summary = ""] = usage.paragraphs;
  return {
    ...{ name: "auraed", section: 8, version },
    summary: summary.replace(/^auraed: /, ""),
    blocks: [
      heading("synopsis"),
      verbatim(usage.synopsis),
      heading("description"),
      paragraph(
        "`auraed` owns the processes that it starts: it starts them, limits them, ends them, and tells about them through one API behind mutual TLS, which aer(1) calls. It runs beside another init, or as the init of a machine. It logs to standard output. SIGTERM and SIGINT end it, and with it all that it has started; one that is killed leaves that to the next.",
      ),
      heading("options"),
      ...usage.options.map(({ term, text }) => entry(term, text)),
      heading("certificates"),
      subheading("auraed pki"),
      verbatim(pki.synopsis),
      ...pki.paragraphs.map(paragraph),
      ...pki.options.map(({ term, text }) => entry(term, text)),
      heading("exit status"),
      ...EXIT_STATUS.map(([code, meaning]) => entry(code, meaning)),
      heading("see also"),
      references(["aer(1)", "auraescript(1)"]),
    ],
  };
}
