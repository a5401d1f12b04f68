/**
 * The histories whose executable is gone: which there are, how large and how old, and which have to go. What is on disk
 * from earlier is looked at once, when it is first asked for.
 */
import { lstatSync, readdirSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { LEAF } from "../cells/cell.ts";
import { nameOfDirectory } from "../executables/executable-name.ts";
import { hasFolder } from "./folder.ts";
import { METADATA_FILE, parseFileName } from "./layout.ts";
import { readMetadata, type StoredRun } from "./metadata.ts";
import { removeFile } from "./segments.ts";

/** The deepest folder that is looked into: a cell's name has 512 components at most. */
const DEPTH_MAX = 514;

export interface Kept {
  /** The folder, from the root. */
  readonly relative: string;
  readonly executable: string;
  readonly bytes: number;
  /** Whether something of it may be on disk. */
  readonly mayHaveFiles: boolean;
  /** When something was written there last, in milliseconds since 1970. */
  readonly changedMs: number;
  readonly runs: readonly StoredRun[];
}

export interface PidRun<T> {
  readonly history: T;
  readonly run: StoredRun;
}

/** Of the runs whose process had an id, on the host or in its cell, the newest. */
export function newestWithPid<T>(runs: readonly PidRun<T>[], pid: number): PidRun<T> | undefined {
  let newest: PidRun<T> | undefined;
  for (const candidate of runs) {
    const { run } = candidate;
    const has = run.pid === pid || run.namespacePid === pid;
    if (has && (newest === undefined || run.startedMs >= newest.run.startedMs)) {
      newest = candidate;
    }
  }
  return newest;
}

export class Retention {
  readonly #root: string;
  readonly #maxHistories: number;
  readonly #maxBytes: number;
  /** Oldest first. */
  #kept: Map<string, Kept> | undefined;
  #bytes = 0;

  constructor(root: string, maxHistories: number, maxBytes: number) {
    this.#root = root;
    this.#maxHistories = maxHistories;
    this.#maxBytes = maxBytes;
  }

  /** Counts a history as one whose executable is gone, the youngest of them. */
  add(kept: Kept): void {
    const all = this.#load();
    this.#drop(kept.relative);
    all.set(kept.relative, kept);
    this.#bytes += kept.bytes;
  }

  /** Stops counting a history: it is written again. */
  forget(relative: string): void {
    if (this.#kept !== undefined) {
      this.#drop(relative);
    }
  }

  /** The runs of a history that is kept. */
  runsOf(relative: string): readonly StoredRun[] {
    return this.#load().get(relative)?.runs ?? [];
  }

  runs(): { relative: string; executable: string; run: StoredRun }[] {
    return [...this.#load().values()].flatMap(({ relative, executable, runs }) =>
      runs.map((run) => ({ relative, executable, run })),
    );
  }

  /**
   * Removes the oldest. The newest stays, however large it is: its bound is that of its cell.
   * @param isOpen whether somebody writes to a history
   */
  prune(isOpen: (relative: string) => boolean): void {
    const all = this.#load();
    for (const { relative, mayHaveFiles } of all.values()) {
      const isWithin = all.size <= this.#maxHistories && this.#bytes <= this.#maxBytes;
      if (isWithin || all.size <= 1) {
        return;
      }
      if (mayHaveFiles && !isOpen(relative)) {
        this.remove(relative);
      }
      this.#drop(relative);
    }
  }

  /**
   * Removes the files of a history, and folders that are empty then. What is not ours stays.
   * @returns whether its folder was there
   */
  remove(relative: string): boolean {
    // Once it was looked for, all that is there is known.
    if (this.#kept !== undefined && !this.#kept.has(relative)) {
      return false;
    }
    if (!hasFolder(this.#root, relative)) {
      return false;
    }
    const folder = join(this.#root, relative);
    for (const name of namesIn(folder)) {
      if (name === METADATA_FILE || parseFileName(name) !== undefined) {
        removeFile(join(folder, name));
      }
    }
    for (let path = relative; path !== "."; path = dirname(path)) {
      try {
        rmdirSync(join(this.#root, path));
      } catch {
        break; // ENOTEMPTY: others are in there
      }
    }
    return true;
  }

  #drop(relative: string): void {
    const kept = this.#kept?.get(relative);
    if (kept !== undefined) {
      this.#kept?.delete(relative);
      this.#bytes -= kept.bytes;
    }
  }

  #load(): Map<string, Kept> {
    if (this.#kept === undefined) {
      const found = [...keptBelow(this.#root, "", 0)].sort((a, b) => a.changedMs - b.changedMs);
      this.#kept = new Map(found.map((kept) => [kept.relative, kept]));
      this.#bytes = found.reduce((sum, { bytes }) => sum + bytes, 0);
    }
    return this.#kept;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // ENOENT, ENOTDIR, EACCES
  }
}

/** Walks the folders of cells, without following links. */
function* keptBelow(root: string, relative: string, depth: number): Generator<Kept> {
  if (depth > DEPTH_MAX) {
    return;
  }
  for (const entry of foldersIn(join(root, relative))) {
    const path = relative === "" ? entry : `${relative}/${entry}`;
    const isInLeaf = relative === LEAF || relative.endsWith(`/${LEAF}`);
    const executable = nameOfDirectory(entry);
    if (!isInLeaf) {
      yield* keptBelow(root, path, depth + 1);
    } else if (executable !== undefined) {
      yield keptAt(root, path, executable);
    }
  }
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return []; // ENOENT, ENOTDIR, EACCES
  }
}

function keptAt(root: string, relative: string, executable: string): Kept {
  const folder = join(root, relative);
  let bytes = 0;
  let changedMs = 0;
  for (const name of namesIn(folder)) {
    if (name === METADATA_FILE || parseFileName(name) !== undefined) {
      try {
        const stat = lstatSync(join(folder, name));
        bytes += stat.isFile() ? stat.size : 0;
        changedMs = Math.max(changedMs, stat.mtimeMs);
      } catch {
        // ENOENT: removed meanwhile
      }
    }
  }
  return {
    relative,
    executable,
    bytes,
    mayHaveFiles: true,
    changedMs,
    runs: readMetadata(folder).runs,
  };
}
