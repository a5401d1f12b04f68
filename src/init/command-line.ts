/**
 * The kernel's command line as words (Documentation/admin-guide/kernel-parameters.rst): blanks separate, double
 * quotes hold together, and what follows a word "--" is not for the kernel.
 */

/** COMMAND_LINE_SIZE is 2048 on x86 and at most 4096 elsewhere. */
export const MAX_COMMAND_LINE_CHARACTERS = 4096;

export interface CommandLine {
  /** Every value of a parameter, in order; "" for one without a value. */
  values(name: string): readonly string[];
}

export function parseCommandLine(text: string): CommandLine {
  const words: readonly string[] =
    text.slice(0, MAX_COMMAND_LINE_CHARACTERS).match(/(?:"[^"]*(?:"|$)|[^\s"])+/g) ?? [];
  const end = words.indexOf("--");
  const parameters = words.slice(0, end < 0 ? words.length : end).map((word) => {
    const bare = word.replaceAll('"', "");
    const equals = bare.indexOf("=");
    return equals < 0
      ? { name: bare, value: "" }
      : { name: bare.slice(0, equals), value: bare.slice(equals + 1) };
  });
  return {
    values: (name) => parameters.filter((it) => it.name === name).map(({ value }) => value),
  };
}
