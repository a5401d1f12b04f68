/**
 * Rows of the state that can't be read, while the rest of it can: they are written to a file beside the database before
 * they leave it, so that nothing is lost and nobody else's cells go with them.
 */
import { closeSync, constants, fsyncSync, openSync, writeFileSync } from "node:fs";
import { log } from "../base/log.ts";

export interface BadRow {
  readonly table: "cells" | "executables" | "vms" | "meta";
  /** The columns of its primary key. */
  readonly key: Readonly<Record<string, string>>;
  readonly text: string;
  readonly why: string;
}

/** @returns the file, a new one @throws {Error} where it can't be written */
export function writeBadRows(path: string, rows: readonly BadRow[]): string {
  const { file, fd } = create(`${path}.bad-${new Date().toISOString().replaceAll(":", "-")}`);
  try {
    writeFileSync(fd, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  for (const { table, key, why } of rows) {
    log.error("a record of the state could not be read, and was moved to a file", {
      ...{ table, ...key, file, cause: why },
    });
  }
  return file;
}

function create(name: string): { readonly file: string; readonly fd: number } {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  for (let i = 1; ; i++) {
    const file = `${name}${i === 1 ? "" : `.${i}`}.jsonl`;
    try {
      return { file, fd: openSync(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
        throw error;
      }
    }
  }
}
