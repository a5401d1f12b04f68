/** The door to where the output of executables is kept. Implemented by `domain/output`; tests have it in memory. */
import type { OutputBytes } from "../../kernel/process/processes.ts";
import type { ExecutableName } from "./executable-name.ts";

/** Sees output as it comes. The bytes are there for the time of the call only. */
export type OutputWitness = (bytes: Uint8Array) => void;

/** Where the output of a stream goes. */
export interface OutputSink {
  /**
   * Takes some of what waits, which is all of it in most cases. What can't be kept is lost.
   * @param witness sees what is taken
   * @throws {SyscallError} where it can't be read
   */
  drain(waiting: OutputBytes, witness?: OutputWitness): void;
}

export interface OutputSinks {
  readonly stdout: OutputSink;
  readonly stderr: OutputSink;
}

/** Whose output it is. */
export interface OutputWriter {
  readonly pid: number;
  readonly namespacePid: number;
  /** Undefined where nobody knows it any more, because the process has ended. */
  readonly startTime: bigint | undefined;
}

/** The output of one executable, over all of its lives. */
export interface ExecutableOutput extends OutputSinks {
  /** A process of it begins to write. Said again of one that is taken up again, it means nothing new. */
  begin(process: OutputWriter): void;
  /** Nothing more will come, unless it begins again: those who follow have seen all. */
  end(): void;
  /** Nothing more will come. What is kept stays readable. */
  close(): void;
}

export interface Outputs {
  /**
   * @param cell the full name; empty for none
   * @param maxBytes of each stream; undefined for the default
   * @param anew whether what earlier executables of the name have left there goes
   * @throws {Error} where there is no room for it
   */
  open(
    cell: string,
    executable: ExecutableName,
    maxBytes: number | undefined,
    anew: boolean,
  ): ExecutableOutput;
}
