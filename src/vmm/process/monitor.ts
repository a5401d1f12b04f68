/** What the process has: at most one machine, and what each request does with it. */
import { Allowance } from "../../base/allowance.ts";
import { AuraeError } from "../../base/errors.ts";
import type { FileDescriptor } from "../../kernel/sys/fd.ts";
import { Machine, type MachineOutputs } from "../machine/machine.ts";
import type { MachineConfig } from "../protocol/machine-config.ts";
import {
  EXIT_CODES,
  type Methods,
  type MethodName,
  type Request,
  type VmmEvent,
} from "../protocol/messages.ts";
import type { Served } from "./control-server.ts";

type Result = Methods[MethodName]["result"];

/** Of lines for the daemon's log, which a guest can bring about as often as it likes. */
const LINES_AT_ONCE = 20;
const LINES_PER_SECOND = 1;

export class Monitor implements Served, Disposable {
  readonly #outputs: MachineOutputs;
  #machine: Machine | undefined;
  #exitCode: number | undefined;
  readonly #events: VmmEvent[] = [];
  readonly #allowance = new Allowance(LINES_AT_ONCE, LINES_PER_SECOND);

  constructor(outputs: MachineOutputs) {
    this.#outputs = outputs;
  }

  /** What the process ends with, once it is to. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** Readable when {@link takeEvents} has some. */
  get eventFd(): number | undefined {
    return this.#machine?.event.descriptor.number;
  }

  /** @param descriptors that came with it; who calls closes them @throws whatever `failureOf` knows */
  handle(request: Request, descriptors: readonly FileDescriptor[]): Result {
    const { length } = descriptors;
    const wanted = request.method === "snapshot" ? 2 : 0;
    if (length !== wanted) {
      const message = `${request.method} takes ${wanted} descriptors, and ${length} came with it`;
      throw new AuraeError("invalid_argument", message);
    }
    switch (request.method) {
      case "create":
        this.#create(request.params);
        return {};
      case "run":
        this.#existing.run();
        return {};
      case "pause":
        this.#existing.pause();
        return {};
      case "status":
        return this.#machine?.status() ?? { state: "empty", runtimeMs: 0 };
      case "pressPowerButton":
        this.#existing.pressPowerButton();
        return {};
      case "input":
        return { taken: this.#existing.input(request.params) };
      case "resize":
        this.#existing.resize(request.params.columns, request.params.rows);
        return {};
      case "setBalloon":
        this.#existing.setBalloon(request.params.bytes);
        return {};
      case "snapshot":
        return this.#snapshot(descriptors);
      case "quit":
        this[Symbol.dispose]();
        this.#exitCode = EXIT_CODES.off;
        return {};
    }
  }

  get #existing(): Machine {
    if (this.#machine === undefined) {
      throw new AuraeError("failed_precondition", "there is no machine yet: create it first");
    }
    return this.#machine;
  }

  #create(config: MachineConfig): void {
    if (this.#machine !== undefined) {
      throw new AuraeError(
        "failed_precondition",
        "there is a machine already, and one is the most",
      );
    }
    const sinceMs = performance.now();
    this.#machine = new Machine(config, this.#outputs);
    const fields = { sinceStartMs: Math.round(sinceMs * 10) / 10, ...this.#machine.timesMs };
    this.#events.push({ event: "log", level: "info", message: "the machine is made", fields });
  }

  #snapshot([state, memory]: readonly FileDescriptor[]): Methods["snapshot"]["result"] {
    return this.#existing.snapshot(state?.number ?? -1, memory?.number ?? -1);
  }

  takeEvents(): VmmEvent[] {
    const events = this.#events.splice(0);
    const machine = this.#machine;
    if (machine === undefined) {
      return events;
    }
    machine.event.take();
    for (const line of machine.takeLog()) {
      if (this.#allowance.take()) {
        const leftOut = this.#allowance.takeRefused();
        const fields = leftOut > 0 ? { ...line.fields, leftOut } : line.fields;
        events.push({ event: "log", ...line, fields });
      }
    }
    const end = machine.takeEnd();
    if (end !== undefined) {
      this.#exitCode = EXIT_CODES[end.kind];
      events.push({ event: "ended", end });
    }
    return events;
  }

  [Symbol.dispose](): void {
    this.#machine?.[Symbol.dispose]();
    this.#machine = undefined;
  }
}
