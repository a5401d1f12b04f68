/** Keeps output in the store: what `domain/executables` and `domain/vms` write to, and what is read by others. */
import { log } from "../../base/log.ts";
import { CellName } from "../cells/cell-name.ts";
import type { ExecutableName } from "../executables/executable-name.ts";
import type {
  ExecutableOutput,
  Outputs,
  OutputSink,
  OutputWriter,
} from "../executables/outputs.ts";
import type { OutputHistory } from "./output-history.ts";
import type { OutputStore } from "./output-store.ts";

class StoredOutput implements ExecutableOutput {
  readonly #history: OutputHistory;
  readonly stdout = this.#sinkOf("stdout");
  readonly stderr = this.#sinkOf("stderr");

  constructor(history: OutputHistory) {
    this.#history = history;
  }

  #sinkOf(stream: "stdout" | "stderr"): OutputSink {
    return { drain: (waiting, witness) => this.#history.drain(stream, waiting, witness) };
  }

  begin({ pid, namespacePid, startTime }: OutputWriter): void {
    this.#history.begin({ pid, namespacePid, startTime, startedMs: Date.now() });
  }

  end(): void {
    this.close();
  }

  close(): void {
    if (this.#history.isClosed) {
      return;
    }
    const { executable, lostBytes } = this.#history;
    if (lostBytes > 0) {
      log.warn("could not keep all output of an executable", { executable, lostBytes });
    }
    this.#history.close();
  }
}

export class StoredOutputs implements Outputs {
  readonly #store: OutputStore;

  constructor(store: OutputStore) {
    this.#store = store;
  }

  open(
    cell: string,
    executable: ExecutableName,
    maxBytes: number | undefined,
    anew: boolean,
  ): ExecutableOutput {
    const name = cell === "" ? undefined : CellName.parse(cell);
    return new StoredOutput(this.#store.open(name, executable, { maxBytes, anew }));
  }

  /** The same for a virtual machine: its console is the standard output, its serial port the standard error. */
  openVm(id: string, maxBytes: number | undefined, anew: boolean): ExecutableOutput {
    return new StoredOutput(this.#store.openVm(id, { maxBytes, anew }));
  }
}
