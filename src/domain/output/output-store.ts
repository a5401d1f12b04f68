/**
 * All histories of output of executables and virtual machines, each in its folder below one root: those that are written, and those whose executable is gone,
 * which are kept up to a number and a size, oldest first to go.
 */
import { join } from "node:path";
import type { CellName } from "../cells/cell-name.ts";
import { executablePath, LEAF } from "../cells/cell.ts";
import { directoryName, type ExecutableName } from "../executables/executable-name.ts";
import { hasFolder } from "./folder.ts";
import { KeptHistory } from "./kept-history.ts";
import { OpenFiles } from "./open-files.ts";
import { OutputHistory } from "./output-history.ts";
import { newestWithPid, type PidRun, Retention } from "./retention.ts";
import type { OutputSource, OutputSources } from "./sources.ts";
import { DEFAULT_MAX_BYTES } from "./stream-writer.ts";

/** Most histories that are kept of executables that are gone. */
const KEPT_HISTORIES_MAX = 1_000;

/** Most bytes of them, all together. */
const KEPT_BYTES_MAX = 1024 * 1024 * 1024;

/** No cell can have this name, and so no executable be in it. */
const VMS = "_vms";

/** The folder of a virtual machine's output, which is that of an executable of its name in a cell that can't be. */
function vmPath(id: string): string {
  return join(VMS, LEAF, directoryName(id as ExecutableName));
}

export interface StoreOptions {
  /** The folder of all histories: `<library-dir>/output`. */
  readonly root: string;
  readonly maxHistories?: number;
  readonly maxBytes?: number;
  /** Milliseconds since 1970; for tests. */
  readonly now?: () => number;
}

export interface OpenOptions {
  /** Bytes that are kept of each stream. */
  readonly maxBytes?: number | undefined;
  /** Removes what earlier executables of the name have left. */
  readonly anew?: boolean | undefined;
}

export class OutputStore implements OutputSources {
  readonly #root: string;
  readonly #now: () => number;
  readonly #files = new OpenFiles();
  readonly #open = new Map<string, OutputHistory>();
  readonly #kept: Retention;

  constructor(options: StoreOptions) {
    this.#root = options.root;
    this.#now = options.now ?? Date.now;
    this.#kept = new Retention(
      options.root,
      options.maxHistories ?? KEPT_HISTORIES_MAX,
      options.maxBytes ?? KEPT_BYTES_MAX,
    );
  }

  /**
   * Opens the history of an executable that starts, or that an earlier daemon has started. Never throws: what can't be
   * written is counted as lost. One that is open already is closed before.
   * @param cell undefined for an executable without a cell
   */
  open(cell: CellName | undefined, name: ExecutableName, options: OpenOptions = {}): OutputHistory {
    return this.#openAt(executablePath(cell, name), name, options);
  }

  /** The same for a virtual machine. Its console is the standard output, its serial port the standard error. */
  openVm(id: string, options: OpenOptions = {}): OutputHistory {
    return this.#openAt(vmPath(id), id, options);
  }

  #openAt(relative: string, executable: string, options: OpenOptions): OutputHistory {
    this.#open.get(relative)?.close();
    const isNew = options.anew === true && !this.#kept.remove(relative);
    this.#kept.forget(relative);
    const history = new OutputHistory({
      root: this.#root,
      relative,
      folder: join(this.#root, relative),
      isNew,
      files: this.#files,
      maxBytes: options.maxBytes ?? DEFAULT_MAX_BYTES,
      executable,
      now: this.#now,
      onClose: () => this.#closed(relative, history),
    });
    this.#open.set(relative, history);
    return history;
  }

  byName(cell: CellName | undefined, name: ExecutableName): OutputSource | undefined {
    return this.#historyAt(executablePath(cell, name), name);
  }

  byVm(id: string): OutputSource | undefined {
    return this.#historyAt(vmPath(id), id);
  }

  byPid(pid: number): OutputSource | undefined {
    const open = newestWithPid(
      [...this.#open.values()].flatMap((history) =>
        history.runs.slice(-1).map((run) => ({ history, run })),
      ),
      pid,
    );
    if (open !== undefined) {
      return open.history.ofRun(open.run);
    }
    const earlier: PidRun<OutputHistory>[] = [...this.#open.values()].flatMap((history) =>
      history.runs.map((run) => ({ history, run })),
    );
    const kept = this.#kept.runs().flatMap(({ relative, executable, run }) => {
      return [{ history: { relative, executable }, run }];
    });
    const found = newestWithPid<OutputHistory | { relative: string; executable: string }>(
      [...earlier, ...kept],
      pid,
    );
    if (found === undefined || found.history instanceof OutputHistory) {
      return found?.history instanceof OutputHistory ? found.history.ofRun(found.run) : undefined;
    }
    const history = this.#keptHistory(found.history.relative, found.history.executable);
    const run = history.runs.find(
      (it) => it.startTime === found.run.startTime && it.pid === found.run.pid,
    );
    return run === undefined ? undefined : history.ofRun(run);
  }

  /** Removes the oldest histories of executables that are gone, as far as there are too many of them or too much. */
  prune(): void {
    this.#kept.prune((relative) => this.#open.has(relative));
  }

  /** Lets go of all that are open, as a daemon does that leaves its executables to its successor. */
  abandon(): void {
    for (const history of this.#open.values()) {
      history.abandon();
    }
    this.#open.clear();
  }

  /** How many files are open; for tests of leaks. */
  get openFileCount(): number {
    return this.#files.size;
  }

  #historyAt(relative: string, executable: string): OutputSource | undefined {
    const open = this.#open.get(relative);
    if (open !== undefined) {
      return open;
    }
    const kept = this.#keptHistory(relative, executable);
    return kept.isEmpty ? undefined : kept;
  }

  #keptHistory(relative: string, executable: string): KeptHistory {
    const folder = hasFolder(this.#root, relative) ? join(this.#root, relative) : undefined;
    return new KeptHistory(folder, executable, this.#kept.runsOf(relative));
  }

  #closed(relative: string, history: OutputHistory): void {
    if (this.#open.get(relative) === history) {
      this.#open.delete(relative);
      if (history.runs.length > 0 || history.keptBytes > 0) {
        this.#kept.add({
          relative,
          executable: history.executable,
          bytes: history.keptBytes,
          mayHaveFiles: history.mayHaveFiles,
          changedMs: this.#now(),
          runs: history.runs,
        });
        this.prune();
      }
    }
  }
}
