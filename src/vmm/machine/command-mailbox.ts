/**
 * How the main thread tells a device's thread to do something: one command at a time, and its answer, both as JSON in
 * shared memory. The thread looks when its doorbell rings.
 */
import type { Bell } from "./bell.ts";
import { JsonSlot } from "./json-slot.ts";

/** A command has states of devices in it, of which a serial port's input is the longest. */
const MAX_BYTES = 1024 * 1024;

export interface MailboxMemory {
  readonly commands: SharedArrayBuffer;
  readonly answers: SharedArrayBuffer;
}

type Answer =
  | { readonly result: unknown }
  | { readonly error: { readonly name: string; readonly message: string } };

/** The thread could not do it. What it threw is known by its name alone. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly original: string;

  constructor(original: string, message: string) {
    super(message);
    this.original = original;
  }
}

export class CommandMailbox<Command> {
  readonly #commands: JsonSlot;
  readonly #answers: JsonSlot;
  readonly #doorbell: Bell;
  /** Of a command that was given up: its answer may still come, and is nobody's. */
  #isAnswerOwed = false;

  /** @param doorbell wakes the thread @param memory of the same mailbox in another thread */
  constructor(doorbell: Bell, memory?: MailboxMemory) {
    this.#commands = new JsonSlot(memory?.commands ?? MAX_BYTES);
    this.#answers = new JsonSlot(memory?.answers ?? MAX_BYTES);
    this.#doorbell = doorbell;
  }

  get memory(): MailboxMemory {
    return { commands: this.#commands.memory, answers: this.#answers.memory };
  }

  /** For the main thread: has it done, and waits. @throws {CommandError} also when no answer comes in time */
  call(command: Command, timeoutMs: number): unknown {
    if (this.#isAnswerOwed && this.#answers.take() !== undefined) {
      this.#isAnswerOwed = false;
    }
    if (this.#isAnswerOwed || !this.#commands.put(command)) {
      throw new CommandError("Error", "the thread still has its last command");
    }
    this.#doorbell.signal();
    if (!this.#answers.wait(timeoutMs)) {
      this.#isAnswerOwed = true;
      throw new CommandError("Error", `the thread has not answered in ${timeoutMs} ms`);
    }
    const answer = this.#answers.take() as Answer;
    if ("error" in answer) {
      throw new CommandError(answer.error.name, answer.error.message);
    }
    return answer.result;
  }

  /** For a thread that is not to be: the answer to the command that comes first, whenever that is. */
  refuse(error: unknown): void {
    this.#answers.put(
      answerOf(() => {
        throw error;
      }),
    );
  }

  /** For the thread: does the command that waits. @returns whether there was one. Throws nothing */
  serve(handle: (command: Command) => unknown): boolean {
    const command = this.#commands.take();
    if (command === undefined) {
      return false;
    }
    this.#answers.put(answerOf(() => handle(command as Command)));
    return true;
  }
}

function answerOf(work: () => unknown): Answer {
  try {
    return { result: work() ?? null };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    return { error: { name, message } };
  }
}
