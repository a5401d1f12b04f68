/** A vCPU run by a Worker, and the board of ports that its guest writes to, for tests that watch it from outside. */
import type { Vcpu, VcpuHandle } from "../../src/kernel/kvm/vcpu.ts";
import type { LoopEnd } from "../../src/kernel/kvm/vcpu-loop.ts";

const PORTS = 256;

/** For each port below 256 how often it was written to, and what with at last. */
export class PortBoard {
  readonly #words: Int32Array;

  constructor(memory = new SharedArrayBuffer(PORTS * 2 * 4)) {
    this.#words = new Int32Array(memory);
  }

  get memory(): SharedArrayBuffer {
    return this.#words.buffer as SharedArrayBuffer;
  }

  record(port: number, value: number): void {
    Atomics.store(this.#words, port * 2 + 1, value);
    Atomics.add(this.#words, port * 2, 1);
  }

  writes(port: number): number {
    return Atomics.load(this.#words, port * 2);
  }

  last(port: number): number {
    return Atomics.load(this.#words, port * 2 + 1);
  }
}

export interface VcpuWork {
  readonly handle: VcpuHandle;
  readonly board: SharedArrayBuffer;
}

const STOP_MS = 5000;

export class VcpuThread implements AsyncDisposable {
  readonly board: PortBoard;
  /** Why its loop ended. */
  readonly ended: Promise<LoopEnd>;
  readonly #vcpu: Vcpu;
  readonly #worker: Worker;

  constructor(vcpu: Vcpu, board = new PortBoard()) {
    this.board = board;
    this.#vcpu = vcpu;
    this.#worker = new Worker(new URL("./vcpu-worker.ts", import.meta.url).href);
    this.ended = new Promise((resolve, reject) => {
      this.#worker.onmessage = ({ data }: MessageEvent<LoopEnd>) => resolve(data);
      this.#worker.onerror = ({ message }) => reject(new Error(message));
    });
    this.#worker.postMessage({ handle: vcpu.handle, board: board.memory } satisfies VcpuWork);
  }

  /** Has the vCPU do something, and waits for it to have begun. */
  async command(command: "run" | "pause" | "stop"): Promise<void> {
    const { control } = this.#vcpu;
    const phase = ({ run: "running", pause: "paused", stop: "stopped" } as const)[command];
    control.command = command;
    if (command !== "run") {
      this.#vcpu.kick();
    }
    if ((await control.reached([phase], STOP_MS)) === undefined) {
      throw new Error(`vCPU ${this.#vcpu.index} is ${control.phase}, and not ${phase}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.command("stop");
    await this.ended;
    this.#worker.terminate();
  }
}
