/** Monitors in memory, whose guests do what a test says, and which outlive the daemon that made them. For tests. */
import { existsSync, writeFileSync } from "node:fs";
import { AuraeError } from "../../src/base/errors.ts";
import { FakePipe } from "../../src/kernel/fake/fake-processes.ts";
import type {
  Monitor,
  MonitorEnd,
  MonitorRecord,
  Monitors,
  MonitorSpec,
  MonitorStatus,
} from "../../src/domain/vms/monitors.ts";

/** What of a monitor can be told to fail. */
export type FakeStep =
  | "create"
  | "run"
  | "pause"
  | "powerButton"
  | "input"
  | "setBalloon"
  | "snapshot"
  | "status"
  | "kill";

/** A guest with its monitor's process. */
export class FakeGuest {
  readonly spec: MonitorSpec;
  readonly record: MonitorRecord;
  console = new FakePipe();
  serial = new FakePipe();
  /** All that was typed. */
  readonly typed = { console: "", serial: "" };
  readonly sizes: string[] = [];
  state: "created" | "running" | "paused" = "created";
  balloonBytes = 0;
  buttonPresses = 0;
  /** Whether it turns itself off when the button is pressed. */
  hearsButton = true;
  /** How many bytes it takes at a time. */
  inputRoom = Number.POSITIVE_INFINITY;
  end: MonitorEnd | undefined;
  readonly #ended = Promise.withResolvers<MonitorEnd>();

  constructor(spec: MonitorSpec, pid: number) {
    this.spec = spec;
    this.record = {
      ...{ pid, startTime: BigInt(pid) * 10n, uid: 100_000 + pid },
      ...{ stdoutInode: BigInt(pid) * 2n, stderrInode: BigInt(pid) * 2n + 1n },
    };
  }

  get ended(): Promise<MonitorEnd> {
    return this.#ended.promise;
  }

  /** The guest, or its monitor, ends. */
  finish(kind: MonitorEnd["kind"], message = ""): void {
    if (this.end === undefined) {
      this.end = { kind, message };
      this.console.end();
      this.serial.end();
      this.#ended.resolve(this.end);
    }
  }
}

/** The host on which the monitors run; it outlives the daemon. */
export class FakeVmHost {
  /** By id, those that run. */
  readonly guests = new Map<string, FakeGuest>();
  /** What fails the next time, and with what. */
  readonly failing = new Map<FakeStep, AuraeError>();
  problem: string | undefined;
  /** Whether monitors answer no more. */
  isHung = false;
  /** What is awaited while a snapshot is written, once its files are there. */
  snapshotGate: Promise<void> | undefined;
  /** What is awaited before a monitor is there, for tests of what happens meanwhile. */
  gate: Promise<void> | undefined;
  #lastPid = 1_000;
  #daemon = { isOver: false };

  /** The running guest of an id. */
  guest(id: string): FakeGuest {
    const guest = this.guests.get(id);
    if (guest === undefined) {
      throw new Error(`no guest of "${id}" runs`);
    }
    return guest;
  }

  /** The door for the daemon that is there now. */
  monitors(): Monitors {
    return new FakeMonitors(this, this.#daemon);
  }

  /** The daemon is gone: what it waits for never comes. */
  killDaemon(): void {
    this.#daemon.isOver = true;
    this.#daemon = { isOver: false };
    for (const guest of this.guests.values()) {
      guest.console = guest.console.handOver();
      guest.serial = guest.serial.handOver();
    }
  }

  boot(spec: MonitorSpec): FakeGuest {
    this.#lastPid += 1;
    const guest = new FakeGuest(spec, this.#lastPid);
    this.guests.set(spec.id, guest);
    void guest.ended.then(() => this.guests.delete(spec.id));
    return guest;
  }

  /** @throws {AuraeError} where a test wants it to fail */
  try(step: FakeStep): void {
    const error = this.failing.get(step);
    this.failing.delete(step);
    if (error !== undefined) {
      throw error;
    }
  }
}

const never = (): Promise<never> => new Promise(() => undefined);

class FakeMonitors implements Monitors {
  readonly #host: FakeVmHost;
  readonly #daemon: { readonly isOver: boolean };

  constructor(host: FakeVmHost, daemon: { readonly isOver: boolean }) {
    this.#host = host;
    this.#daemon = daemon;
  }

  get problem(): string | undefined {
    return this.#host.problem;
  }

  async create(spec: MonitorSpec): Promise<Monitor> {
    await this.#host.gate;
    if (this.#daemon.isOver) {
      return await never();
    }
    this.#host.try("create");
    if (this.#host.guests.has(spec.id)) {
      throw new AuraeError("failed_precondition", `the control group of "${spec.id}" is there`);
    }
    if (spec.restore !== undefined && !existsSync(spec.restore.statePath)) {
      throw new AuraeError("not_found", `"${spec.restore.statePath}" is not there`);
    }
    return new FakeMonitor(this.#host, this.#host.boot(spec), this.#daemon);
  }

  async adopt(id: string, record: MonitorRecord): Promise<Monitor | undefined> {
    const guest = this.#host.guests.get(id);
    return guest?.record.pid === record.pid
      ? new FakeMonitor(this.#host, guest, this.#daemon)
      : undefined;
  }

  async clear(id: string): Promise<void> {
    const guest = this.#host.guests.get(id);
    guest?.finish("killed");
    await guest?.ended;
  }
}

class FakeMonitor implements Monitor {
  readonly #host: FakeVmHost;
  readonly #guest: FakeGuest;
  readonly #daemon: { readonly isOver: boolean };
  readonly ended: Promise<MonitorEnd>;

  constructor(host: FakeVmHost, guest: FakeGuest, daemon: { readonly isOver: boolean }) {
    this.#host = host;
    this.#guest = guest;
    this.#daemon = daemon;
    this.ended = new Promise((resolve) => {
      void guest.ended.then((end) => (daemon.isOver ? undefined : resolve(end)));
    });
  }

  get record(): MonitorRecord {
    return this.#guest.record;
  }

  get console(): FakePipe {
    return this.#guest.console;
  }

  get serial(): FakePipe {
    return this.#guest.serial;
  }

  /** Every call is a message to a process, which may be gone. */
  async #call(step: FakeStep): Promise<FakeGuest> {
    await Promise.resolve();
    if (this.#daemon.isOver || this.#host.isHung) {
      return await never();
    }
    this.#host.try(step);
    if (this.#guest.end !== undefined) {
      throw new AuraeError("unavailable", "the monitor is gone");
    }
    return this.#guest;
  }

  async status(): Promise<MonitorStatus> {
    const { state, balloonBytes } = await this.#call("status");
    return { state, balloonBytes };
  }

  async run(): Promise<void> {
    (await this.#call("run")).state = "running";
  }

  async pause(): Promise<void> {
    (await this.#call("pause")).state = "paused";
  }

  async pressPowerButton(): Promise<void> {
    const guest = await this.#call("powerButton");
    guest.buttonPresses += 1;
    if (guest.hearsButton && guest.state === "running") {
      guest.finish("off");
    }
  }

  async input(to: "console" | "serial", bytes: Uint8Array): Promise<number> {
    const guest = await this.#call("input");
    const taken = bytes.subarray(0, guest.inputRoom);
    guest.inputRoom -= taken.byteLength;
    guest.typed[to] += Buffer.from(taken).toString();
    return taken.byteLength;
  }

  async resize(columns: number, rows: number): Promise<void> {
    (await this.#call("input")).sizes.push(`${columns}x${rows}`);
  }

  async setBalloon(bytes: number): Promise<void> {
    (await this.#call("setBalloon")).balloonBytes = bytes;
  }

  async snapshot(
    statePath: string,
    memoryPath: string,
  ): Promise<{ readonly writtenBytes: number }> {
    const guest = await this.#call("snapshot");
    if (guest.state !== "paused") {
      throw new AuraeError("failed_precondition", "only a paused guest holds still");
    }
    writeFileSync(statePath, "state");
    writeFileSync(memoryPath, "memory");
    await this.#host.snapshotGate;
    if (this.#daemon.isOver) {
      return await never();
    }
    return { writtenBytes: 11 };
  }

  async kill(): Promise<void> {
    await Promise.resolve();
    if (this.#daemon.isOver) {
      return await never();
    }
    this.#host.try("kill");
    this.#guest.finish("killed");
  }
}
