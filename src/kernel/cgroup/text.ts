/**
 * Reads the texts of control group files: single amounts, flat keyed and nested keyed files
 * (Documentation/admin-guide/cgroup-v2.rst, "Interface Files"). Pure; keys that are not asked for are passed over, for
 * later kernels have more.
 */

/** A file of a control group does not have the form that the kernel documents. */
export class CgroupTextError extends Error {
  override readonly name = "CgroupTextError";

  /** @param what what was looked for, `an amount` */
  constructor(what: string, text: string) {
    super(`${what} expected in ${JSON.stringify(text.slice(0, 64))}`);
  }
}

const DIGITS = /^[0-9]{1,20}$/;

/** @throws {CgroupTextError} for anything but digits */
export function numberIn(text: string): bigint {
  const digits = text.trim();
  if (!DIGITS.test(digits)) {
    throw new CgroupTextError("a number", text);
  }
  return BigInt(digits);
}

/** An amount, or undefined for `max`: no limit. @throws {CgroupTextError} */
export function amountIn(text: string): bigint | undefined {
  return text.trim() === "max" ? undefined : numberIn(text);
}

/** A `0` or a `1`. @throws {CgroupTextError} */
export function flagIn(text: string): boolean {
  const flag = text.trim();
  if (flag !== "0" && flag !== "1") {
    throw new CgroupTextError("0 or 1", text);
  }
  return flag === "1";
}

/** The lines of a file, each cut at its spaces. */
function wordsOfLines(text: string): string[][] {
  return text
    .split("\n")
    .map((line) => line.split(" ").filter((word) => word !== ""))
    .filter((words) => words.length > 0);
}

/** `KEY VALUE` a line. */
export function flatKeyed(text: string): ReadonlyMap<string, string> {
  return new Map(wordsOfLines(text).map(([key = "", value = ""]) => [key, value]));
}

/** A number of a flat keyed file, undefined when the key is not there. @throws {CgroupTextError} */
export function numberOf(text: string, key: string): bigint | undefined {
  const value = flatKeyed(text).get(key);
  return value === undefined ? undefined : numberIn(value);
}

/** `KEY SUBKEY=VALUE SUBKEY=VALUE…` a line, in order. What has no `=` is passed over. */
export function nestedKeyed(text: string): [key: string, values: ReadonlyMap<string, string>][] {
  return wordsOfLines(text).map(([key = "", ...words]) => {
    const pairs = words.flatMap((word): [string, string][] => {
      const at = word.indexOf("=");
      return at < 0 ? [] : [[word.slice(0, at), word.slice(at + 1)]];
    });
    return [key, new Map(pairs)];
  });
}
