/** Histories of output in a folder of their own, with a clock that the test moves, for tests of the domain. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setLogSink } from "../../src/base/log.ts";
import { CellName } from "../../src/domain/cells/cell-name.ts";
import { executableName } from "../../src/domain/executables/executable-name.ts";
import type { OutputHistory } from "../../src/domain/output/output-history.ts";
import { OutputStore, type StoreOptions } from "../../src/domain/output/output-store.ts";
import type { OutputChunk, OutputSource, ReadOptions } from "../../src/domain/output/sources.ts";
import { HeldBytes } from "../../src/kernel/process/held-bytes.ts";

export const CELL = CellName.parse("a");
export const NAME = executableName("x");

export class OutputFixture implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), "aurae-history-"));
  nowMs = 1_000_000;
  readonly #restoreLog = setLogSink(() => undefined);

  store(options: Partial<StoreOptions> = {}): OutputStore {
    return new OutputStore({ root: this.root, now: () => this.nowMs, ...options });
  }

  begin(history: OutputHistory, pid: number, namespacePid = pid): OutputHistory {
    history.begin({ pid, namespacePid, startTime: BigInt(pid), startedMs: this.nowMs });
    return history;
  }

  /** Starts the executable `x` in the cell `a`. */
  start(store = this.store(), pid = 100, maxBytes?: number): OutputHistory {
    return this.begin(store.open(CELL, NAME, { maxBytes }), pid);
  }

  /** The folder of that. */
  get folder(): string {
    return join(this.root, "a/_/exe.x");
  }

  /** The paths of its segments, oldest first. */
  segments(): string[] {
    return readdirSync(this.folder)
      .filter((name) => name.endsWith(".seg"))
      .sort()
      .map((name) => join(this.folder, name));
  }

  [Symbol.dispose](): void {
    this.#restoreLog();
    rmSync(this.root, { recursive: true });
  }
}

export function say(
  history: OutputHistory,
  text: string,
  stream: "stdout" | "stderr" = "stdout",
): void {
  append(history, Buffer.from(text), stream);
}

/** Has a history take all of some bytes, as from a pipe. */
export function append(
  history: OutputHistory,
  bytes: Uint8Array,
  stream: "stdout" | "stderr" = "stdout",
): void {
  const pipe = new HeldBytes(bytes);
  while (pipe.waitingBytes > 0) {
    history.drain(stream, pipe);
  }
}

/** Bytes for a disk that has no space. */
export class Unwritable extends HeldBytes {
  override moveTo(): never {
    throw Object.assign(new Error("no space"), { code: "ENOSPC" });
  }
}

export function chunksOf(
  source: OutputSource | undefined,
  options: Partial<ReadOptions> = {},
): AsyncIterable<OutputChunk> {
  return source!.read({
    streams: ["stdout"],
    follow: false,
    signal: new AbortController().signal,
    ...options,
  });
}

/** What a reader gets, with what it misses as `<n>`. */
export async function text(
  source: OutputSource | undefined,
  options: Partial<ReadOptions> = {},
): Promise<string> {
  let result = "";
  for await (const { bytes, missedBytes } of chunksOf(source, options)) {
    result += `${missedBytes > 0 ? `<${missedBytes}>` : ""}${Buffer.from(bytes).toString()}`;
  }
  return result;
}
