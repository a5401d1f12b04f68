/** Output that is kept in memory. For tests. */
import type { ExecutableName } from "./executable-name.ts";
import type { ExecutableOutput, Outputs, OutputSink, OutputWriter } from "./outputs.ts";

export class MemoryOutput implements ExecutableOutput {
  readonly texts = { stdout: "", stderr: "" };
  /** The processes that have begun to write. */
  readonly writers: number[] = [];
  hasEnded = false;
  isClosed = false;
  readonly stdout = this.#sinkOf("stdout");
  readonly stderr = this.#sinkOf("stderr");

  #sinkOf(stream: "stdout" | "stderr"): OutputSink {
    return {
      drain: (waiting, witness) => {
        const bytes = waiting.take();
        this.texts[stream] += Buffer.from(bytes).toString();
        witness?.(bytes);
      },
    };
  }

  begin(process: OutputWriter): void {
    this.writers.push(process.pid);
    this.hasEnded = false;
  }

  end(): void {
    this.hasEnded = true;
  }

  close(): void {
    this.isClosed = true;
  }
}

export class MemoryOutputs implements Outputs {
  /** By the full name of the cell and the name of the executable, with a slash between. */
  readonly all = new Map<string, MemoryOutput>();

  open(cell: string, executable: ExecutableName): MemoryOutput {
    const output = new MemoryOutput();
    this.all.set(`${cell}/${executable}`, output);
    return output;
  }
}
