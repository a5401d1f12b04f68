/**
 * Asks gcc whether numbers and layouts are those of the machine's headers: each fact becomes a `_Static_assert` line of
 * a C file that is only compiled. Facts of one call share a translation unit, so headers that can't stand beside each
 * other go into calls of their own.
 */
import { run, RunError } from "../../build/run.ts";

/** That a C constant expression has a value. */
export interface CFact {
  readonly expression: string;
  readonly value: number | bigint;
}

function line({ expression, value }: CFact): string {
  const text = `${expression} is not ${value}`.replaceAll('"', "'");
  // By their 64 bits, since the kernel's own numbers are of any width and sign.
  const bits = BigInt.asUintN(64, BigInt(value));
  return `_Static_assert((unsigned long long)(${expression}) == ${bits}ULL, "${text}");`;
}

/**
 * Checks facts against headers.
 * @param headers as between the angle brackets of `#include <…>`; `#define` lines may stand between
 * @returns what gcc says of those that are wrong, one line each; nothing when all are right
 */
export async function wrongFacts(
  headers: readonly string[],
  facts: readonly CFact[],
): Promise<string[]> {
  const includes = headers.map((name) => (name.startsWith("#") ? name : `#include <${name}>`));
  const source = ["#define _GNU_SOURCE", "#include <stddef.h>", ...includes, ...facts.map(line)];
  const program = `${source.join("\n")}\n`;
  try {
    await run(["gcc", "-std=gnu11", "-fsyntax-only", "-fmax-errors=0", "-x", "c", "-"], {
      stdin: program,
    });
    return [];
  } catch (error) {
    if (!(error instanceof RunError)) {
      throw error;
    }
    const errors = error.output.split("\n").filter((text) => text.includes("error:"));
    return errors.length > 0 ? errors : [error.message];
  }
}

/** Size and offsets of a structure as facts; fields whose name starts with `pad` or ends with `_pad` are ours. */
export function layoutFacts(
  type: string,
  layout: { readonly size: number; readonly offsets: Readonly<Record<string, number>> },
): CFact[] {
  const fields = Object.entries(layout.offsets).filter(([name]) => !/^pad|_pad\d*$/.test(name));
  return [
    { expression: `sizeof(${type})`, value: layout.size },
    ...fields.map(([name, offset]) => ({
      expression: `offsetof(${type}, ${name})`,
      value: offset,
    })),
  ];
}
