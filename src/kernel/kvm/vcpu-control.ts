/**
 * What other threads want of a vCPU's thread, and how far that one is: two words in shared memory. What is wanted is a
 * state and not a message, so that a kick says only "look", and none that comes early, late or twice is lost or too many.
 */

/** What a vCPU shall do. `stop` is for good. */
export type VcpuCommand = "run" | "pause" | "stop";
/** What a vCPU's thread does. `idle`: it has not started; `stopped`: it has ended its loop. */
export type VcpuPhase = "idle" | "running" | "paused" | "stopped";

const COMMANDS: readonly VcpuCommand[] = ["run", "pause", "stop"];
const PHASES: readonly VcpuPhase[] = ["idle", "running", "paused", "stopped"];

const COMMAND = 0;
const PHASE = 1;
const THREAD = 2;
const WORDS = 3;

export class VcpuControl {
  readonly #words: Int32Array;

  /** @param memory of another thread's control, for both to be the same */
  constructor(memory?: SharedArrayBuffer) {
    this.#words = new Int32Array(memory ?? new SharedArrayBuffer(WORDS * 4));
  }

  get memory(): SharedArrayBuffer {
    return this.#words.buffer as SharedArrayBuffer;
  }

  get command(): VcpuCommand {
    return COMMANDS[Atomics.load(this.#words, COMMAND)] ?? "stop";
  }

  /** Says what is wanted, and wakes a thread that waits. One that runs its guest has to be kicked, too. */
  set command(command: VcpuCommand) {
    Atomics.store(this.#words, COMMAND, COMMANDS.indexOf(command));
    Atomics.notify(this.#words, COMMAND);
  }

  get phase(): VcpuPhase {
    return PHASES[Atomics.load(this.#words, PHASE)] ?? "stopped";
  }

  /** For the vCPU's thread. */
  set phase(phase: VcpuPhase) {
    Atomics.store(this.#words, PHASE, PHASES.indexOf(phase));
    Atomics.notify(this.#words, PHASE);
  }

  /** The id of the vCPU's thread; 0 for none. */
  get thread(): number {
    return Atomics.load(this.#words, THREAD);
  }

  /** For the vCPU's thread. */
  set thread(id: number) {
    Atomics.store(this.#words, THREAD, id);
  }

  /** For the vCPU's thread: waits for as long as it shall pause. */
  waitWhilePaused(): void {
    while (this.command === "pause") {
      Atomics.wait(this.#words, COMMAND, COMMANDS.indexOf("pause"));
    }
  }

  /** As {@link reached}, for a thread that has nothing else to do meanwhile. */
  waitFor(phases: readonly VcpuPhase[], timeoutMs: number): VcpuPhase | undefined {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const now = Atomics.load(this.#words, PHASE);
      const phase = PHASES[now] ?? "stopped";
      if (phases.includes(phase)) {
        return phase;
      }
      const leftMs = end - performance.now();
      if (leftMs <= 0) {
        return undefined;
      }
      Atomics.wait(this.#words, PHASE, now, leftMs);
    }
  }

  /**
   * For other threads: waits until the vCPU's thread is in one of these phases.
   * @returns the phase, or undefined when the time is over
   */
  async reached(phases: readonly VcpuPhase[], timeoutMs: number): Promise<VcpuPhase | undefined> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const now = Atomics.load(this.#words, PHASE);
      const phase = PHASES[now] ?? "stopped";
      if (phases.includes(phase)) {
        return phase;
      }
      const leftMs = end - performance.now();
      if (leftMs <= 0) {
        return undefined;
      }
      const wait = Atomics.waitAsync(this.#words, PHASE, now, leftMs);
      if (wait.async) {
        await wait.value;
      }
    }
  }
}
