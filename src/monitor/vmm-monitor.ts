/** One monitor that runs: its process, its control socket, and how it ends. Made by `kernel-monitors.ts`. */
import { Allowance } from "../base/allowance.ts";
import { log } from "../base/log.ts";
import type { Monitor, MonitorEnd, MonitorRecord, MonitorStatus } from "../domain/vms/monitors.ts";
import type { SignalPoll } from "../kernel/io/signal-poll.ts";
import type { OutputPipe, ProcessEnd } from "../kernel/process/processes.ts";
import {
  END_KINDS,
  EXIT_CODES,
  MAX_INPUT_BYTES,
  type VmEnd,
  type VmmEvent,
} from "../vmm/protocol/messages.ts";
import type { FileDescriptor } from "../kernel/sys/fd.ts";
import { SIGKILL, SIGSYS } from "../kernel/abi/signal.ts";
import { ControlClient } from "./control-client.ts";
import { createImage } from "./host-files.ts";
import { rmSync } from "node:fs";
import type { MachineConfig } from "../vmm/protocol/machine-config.ts";

/** Loads a kernel and archives, or a snapshot's state. */
const CREATE_MS = 60_000;
const ANSWER_MS = 15_000;
/** All of a machine's memory, on a slow disk. */
const SNAPSHOT_MS = 600_000;
/** From what it says of its end to that of its process. */
const END_MS = 3000;
/** The same for one that has closed its control socket. */
const CLOSED_MS = 1000;
/**
 * Of lines for the log. A monitor bounds its own by less; who is compromised must not fill the log, and be heard of for as
 * long as it runs.
 */
const LINES_AT_ONCE = 100;
const LINES_PER_SECOND = 2;

export interface MonitorParts {
  readonly id: string;
  readonly record: MonitorRecord;
  readonly console: OutputPipe;
  readonly serial: OutputPipe;
  /** The daemon's end of the control socket; it is taken over. */
  readonly control: FileDescriptor;
  /** Tells of that. */
  readonly poll: SignalPoll;
  /** Resolves when the process has ended. */
  readonly exited: Promise<ProcessEnd>;
  isAlive(): boolean;
  /** SIGKILL to all of it. */
  killAll(): void;
  /** Whether it was ended for want of memory. */
  wasOutOfMemory(): boolean;
  /** Resolves when nothing of it is left. */
  removeAll(): Promise<void>;
}

const EMPTY = {};

/** Goes on the sentence "the monitor of VM 'x'". */
function endedWith({ kind, message }: MonitorEnd): string {
  return `has ended (${kind})${message === "" ? "" : `: ${message}`}`;
}

export class VmmMonitor implements Monitor {
  readonly record: MonitorRecord;
  readonly console: OutputPipe;
  readonly serial: OutputPipe;
  readonly ended: Promise<MonitorEnd>;
  readonly #parts: MonitorParts;
  readonly #client: ControlClient;
  /** What it has said of its end. */
  #toldEnd: VmEnd | undefined;
  #givenUp: string | undefined;
  #end: MonitorEnd | undefined;
  #isKilled = false;
  #endTimer: NodeJS.Timeout | undefined;
  readonly #allowance = new Allowance(LINES_AT_ONCE, LINES_PER_SECOND);

  constructor(parts: MonitorParts) {
    this.#parts = parts;
    this.record = parts.record;
    this.console = parts.console;
    this.serial = parts.serial;
    this.#client = new ControlClient(parts.id, parts.control, parts.poll, {
      event: (event) => this.#onEvent(event),
      closed: () => this.#onClosed(),
      broken: (reason) => this.#giveUp(reason),
    });
    this.ended = this.#awaitEnd();
  }

  async #awaitEnd(): Promise<MonitorEnd> {
    const exit = await this.#parts.exited.catch(() => undefined); // somebody else has reaped it
    this.#client.drain();
    clearTimeout(this.#endTimer);
    this.#end = this.#endOf(exit);
    this.#client.close(endedWith(this.#end));
    try {
      await this.#parts.removeAll();
    } catch (error) {
      log.warn("what is left of a virtual machine can't be removed", {
        vm: this.#parts.id,
        error: error instanceof Error ? error.message : "",
      });
    }
    this.#client[Symbol.dispose]();
    return this.#end;
  }

  #endOf(exit: ProcessEnd | undefined): MonitorEnd {
    const status = exit?.status;
    if (this.#toldEnd !== undefined) {
      return this.#toldEnd;
    }
    if (status?.kind === "exited") {
      const kind = END_KINDS.find((one) => status.code === EXIT_CODES[one]) ?? "failed";
      const message = kind === "failed" ? `its monitor ended with code ${status.code}` : "";
      return { kind, message };
    }
    if (status !== undefined && status.signal !== SIGKILL) {
      const why = status.signal === SIGSYS ? ": it made a system call that is on no list" : "";
      return { kind: "failed", message: `its monitor ended by signal ${status.signal}${why}` };
    }
    if (this.#isKilled) {
      return { kind: "killed", message: "" };
    }
    if (this.#givenUp !== undefined) {
      return { kind: "failed", message: this.#givenUp };
    }
    if (this.#parts.wasOutOfMemory()) {
      const message = "its monitor took more memory than its control group may have";
      return { kind: "failed", message };
    }
    return status === undefined
      ? { kind: "unknown", message: "nobody can tell how its monitor ended" }
      : { kind: "killed", message: "" };
  }

  #onEvent(event: VmmEvent): void {
    if (event.event === "ended") {
      this.#toldEnd ??= event.end;
      this.#client.close(endedWith(this.#toldEnd));
      this.#expectEnd();
      return;
    }
    if (!this.#allowance.take()) {
      return;
    }
    const { level, message, fields } = event;
    const moreLeftOut = this.#allowance.takeRefused();
    const more = moreLeftOut > 0 ? { moreLeftOut } : {};
    log[level](`vm: ${message}`, { ...fields, ...more, vm: this.#parts.id });
  }

  /** It ends by itself now; who only says so is helped. */
  #expectEnd(): void {
    this.#endTimer ??= setTimeout(() => this.#parts.killAll(), END_MS);
  }

  /** It is ending, as a rule. */
  #onClosed(): void {
    this.#endTimer ??= setTimeout(() => {
      // One that has ended may still have to be reaped, by whose child it is.
      if (this.#parts.isAlive()) {
        this.#giveUp("closed its control socket");
      }
    }, CLOSED_MS);
  }

  /** Nobody can tell any more what it does, so it is ended. */
  #giveUp(reason: string): void {
    this.#givenUp ??= `its monitor ${reason}`;
    this.#parts.killAll();
  }

  /** Whether nothing can be asked of it any more, since it has ended, or is about to. */
  get isClosed(): boolean {
    return this.#client.isClosed;
  }

  /** For who has just started it. @throws {AuraeError} */
  async create(config: MachineConfig): Promise<void> {
    await this.#client.request("create", config, CREATE_MS);
  }

  async status(): Promise<MonitorStatus> {
    if (this.#end !== undefined || this.#toldEnd !== undefined) {
      return { state: "ended" };
    }
    const { state, balloonBytes } = await this.#client.request("status", EMPTY, ANSWER_MS);
    if (state === "ended") {
      this.#expectEnd();
    }
    return {
      state: state === "empty" ? "created" : state,
      ...(balloonBytes === undefined ? {} : { balloonBytes }),
    };
  }

  async run(): Promise<void> {
    await this.#client.request("run", EMPTY, ANSWER_MS);
  }

  async pause(): Promise<void> {
    await this.#client.request("pause", EMPTY, ANSWER_MS);
  }

  async pressPowerButton(): Promise<void> {
    await this.#client.request("pressPowerButton", EMPTY, ANSWER_MS);
  }

  async input(to: "console" | "serial", bytes: Uint8Array): Promise<number> {
    const part = bytes.subarray(0, MAX_INPUT_BYTES);
    const { taken } = await this.#client.request("input", { to, bytes: part }, ANSWER_MS);
    return Math.min(taken, part.length);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#client.request("resize", { columns, rows }, ANSWER_MS);
  }

  async setBalloon(bytes: number): Promise<void> {
    await this.#client.request("setBalloon", { bytes }, ANSWER_MS);
  }

  async snapshot(
    statePath: string,
    memoryPath: string,
  ): Promise<{ readonly writtenBytes: number }> {
    using undo = new DisposableStack();
    using state = createImage("snapshot", statePath);
    undo.defer(() => rmSync(statePath, { force: true }));
    using memory = createImage("snapshot", memoryPath);
    undo.defer(() => rmSync(memoryPath, { force: true }));
    const files = [state.number, memory.number];
    const { writtenBytes } = await this.#client.request("snapshot", EMPTY, SNAPSHOT_MS, files);
    undo.move();
    return { writtenBytes };
  }

  async kill(): Promise<void> {
    if (this.#end === undefined) {
      this.#isKilled = true;
      this.#parts.killAll();
    }
    await this.ended;
  }
}
