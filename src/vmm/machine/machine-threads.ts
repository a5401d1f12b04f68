/**
 * All other threads of a machine: one a processor, one of devices, and one of disks where there are any. They are started
 * first, to load while the main thread makes what they work on.
 */
import { AuraeError } from "../../base/errors.ts";
import type { Vcpu } from "../../kernel/kvm/vcpu.ts";
import type { EventFd } from "../../kernel/sys/event-fd.ts";
import type { RamRegion } from "../../kernel/kvm/guest-ram.ts";
import { confineProcess, confineThread } from "../confinement/confine.ts";
import { ConfinementGate } from "../confinement/gate.ts";
import type { VmEnd } from "../protocol/messages.ts";
import type { PlannedDevice, ThreadName } from "./device-plan.ts";
import type { Hardware } from "./hardware.ts";
import type { LoadWork } from "./image-loading.ts";
import type { LogLine } from "./reports.ts";
import { DeviceWorker, VcpuWorker } from "./threads.ts";
import type { DeviceCommand, PlatformWork, VirtioWork } from "./thread-work.ts";

/** Until a processor's thread stands, and until it has come out of its guest. */
const VCPU_MS = 30_000;
const WORD_BYTES = 4;

export interface ThreadsOptions {
  readonly vcpus: number;
  readonly plan: readonly PlannedDevice[];
  /** Wakes the main thread. */
  readonly event: EventFd;
}

export class MachineThreads implements Disposable {
  readonly #plan: readonly PlannedDevice[];
  readonly #event: EventFd;
  readonly #vcpuWorkers: readonly VcpuWorker[];
  /** `devices` is the first. */
  readonly #deviceWorkers: ReadonlyMap<ThreadName, DeviceWorker>;
  readonly #interruptStatus: SharedArrayBuffer;
  /** Those whose threads have them. */
  #vcpus: readonly Vcpu[] = [];
  #hasDevices = false;
  readonly #gate = new ConfinementGate();

  constructor({ vcpus, plan, event }: ThreadsOptions) {
    this.#plan = plan;
    this.#event = event;
    this.#interruptStatus = new SharedArrayBuffer(Math.max(plan.length, 1) * WORD_BYTES);
    // The first processor's thread first, since it has images to read.
    this.#vcpuWorkers = Array.from({ length: vcpus }, () => new VcpuWorker(event));
    const devices = new DeviceWorker("devices-worker", event);
    const hasDisks = plan.some(({ thread }) => thread === "disks");
    this.#deviceWorkers = new Map<ThreadName, DeviceWorker>([
      ["devices", devices],
      ...(hasDisks ? [["disks", new DeviceWorker("disks-worker", event)] as const] : []),
    ]);
  }

  /** Has the first processor's thread read images, before it has its processor. */
  load(work: LoadWork): void {
    this.#vcpuWorkers[0]?.load(work);
  }

  /** Gives the threads of devices their work; they begin with it at once. */
  giveDevices(hardware: Hardware, platform: Omit<PlatformWork, `${string}InterruptFd`>): void {
    this.#hasDevices = true;
    const memory = hardware.vm.memory.map(regionWork);
    for (const [name, worker] of this.#deviceWorkers) {
      worker.give({
        eventFd: this.#event.descriptor.number,
        interruptStatus: this.#interruptStatus,
        memory,
        virtio: this.#plan
          .filter(({ thread }) => thread === name)
          .map((device) => virtioWork(device, hardware)),
        ...(name === "devices"
          ? {
              platform: {
                ...platform,
                serialInterruptFd: hardware.serialInterrupt.descriptor.number,
                buttonInterruptFd: hardware.buttonInterrupt.descriptor.number,
              },
            }
          : {}),
      });
    }
  }

  /** Gives each processor to its thread, where it is paused. */
  giveVcpus(vcpus: readonly Vcpu[]): void {
    const names = [...this.#deviceWorkers.keys()];
    const mailboxes = [...this.#deviceWorkers.values()].map(({ access, doorbell }) => ({
      memory: access.memory,
      doorbellFd: doorbell.descriptor.number,
    }));
    for (const vcpu of vcpus) {
      vcpu.control.command = "pause";
      this.#vcpuWorkers[vcpu.index]?.give({
        handle: vcpu.handle,
        gate: this.#gate.memory,
        eventFd: this.#event.descriptor.number,
        interruptStatus: this.#interruptStatus,
        mailboxes,
        platform: names.indexOf("devices"),
        virtio: this.#plan.map(({ thread }) => names.indexOf(thread)),
      });
    }
    this.#vcpus = vcpus;
  }

  /** Returns when all threads stand. @throws {CommandError} of a device that can't be made @throws {AuraeError} */
  awaitStart(): void {
    this.command({ do: "start" });
    this.#await("paused");
  }

  /**
   * Puts every thread under its list of system calls, this one as well: for good, after {@link awaitStart}, and before a
   * guest runs.
   * @param controlFd where a violation is told
   */
  confine(controlFd: number): void {
    confineProcess(controlFd);
    this.command({ do: "confine" });
    this.#gate.open();
    confineThread("main");
  }

  #await(phase: "running" | "paused" | "stopped"): void {
    for (const { control, index } of this.#vcpus) {
      if (control.waitFor([phase, "stopped"], VCPU_MS) === undefined) {
        throw new AuraeError("internal", `vCPU ${index} is not ${phase} after ${VCPU_MS} ms`);
      }
    }
  }

  /** Has every thread of devices do it. @throws {CommandError} */
  command(command: DeviceCommand): void {
    for (const worker of this.#deviceWorkers.values()) {
      worker.command(command);
    }
  }

  /** Has only that thread do it which has no disks, since those may keep theirs waiting. @throws {CommandError} */
  commandDevices(command: DeviceCommand): unknown {
    return this.#deviceWorkers.get("devices")?.command(command);
  }

  /** Has each thread of devices do something of its own. @throws {CommandError} */
  commandEach(commandFor: (name: ThreadName) => DeviceCommand): Map<ThreadName, unknown> {
    return new Map(
      [...this.#deviceWorkers].map(([name, worker]) => [name, worker.command(commandFor(name))]),
    );
  }

  /** Devices first, so that no processor waits for one. @throws {CommandError} @throws {AuraeError} */
  run(): void {
    this.command({ do: "resume" });
    for (const { control } of this.#vcpus) {
      control.command = "run";
    }
    this.#await("running");
  }

  /** Before {@link pauseDevices}, for what processors ask is still answered. @throws {AuraeError} then they go on */
  pauseVcpus(): void {
    this.#order("pause");
    try {
      this.#await("paused");
    } catch (error) {
      for (const { control } of this.#vcpus) {
        control.command = "run";
      }
      throw error;
    }
  }

  /** Then nothing of the guest's changes. @throws {CommandError} of one that is still busy; it pauses after that */
  pauseDevices(): void {
    this.command({ do: "pause" });
  }

  #order(command: "pause" | "stop"): void {
    for (const vcpu of this.#vcpus) {
      vcpu.control.command = command;
      vcpu.kick();
    }
  }

  /** Ends all threads, with what they hold of output written. What does not end in time is left behind. */
  stop(): void {
    this.#gate.giveUp();
    this.#order("stop");
    for (const { control } of this.#vcpus) {
      control.waitFor(["stopped"], VCPU_MS);
    }
    this.#vcpus = [];
    if (this.#hasDevices) {
      this.#hasDevices = false;
      for (const worker of this.#deviceWorkers.values()) {
        worker.quit();
      }
    }
  }

  takeEnd(): VmEnd | undefined {
    // Devices first: a guest that has asked to be reset may fault when nothing happens at once.
    const reports = [...this.#deviceWorkers.values(), ...this.#vcpuWorkers];
    for (const { reports: one } of reports) {
      const end = one.takeEnd();
      if (end !== undefined) {
        return end;
      }
    }
    return undefined;
  }

  takeLog(): LogLine[] {
    const reports = [...this.#deviceWorkers.values(), ...this.#vcpuWorkers];
    return reports.flatMap(({ reports: one }) => one.takeLog() ?? []);
  }

  [Symbol.dispose](): void {
    this.stop();
    for (const worker of [...this.#vcpuWorkers, ...this.#deviceWorkers.values()]) {
      worker[Symbol.dispose]();
    }
  }
}

function regionWork({ start, address, bytes }: RamRegion) {
  return { start, address, length: bytes.length };
}

function virtioWork({ index, spec }: PlannedDevice, hardware: Hardware): VirtioWork {
  const events = hardware.devices[index];
  if (events === undefined) {
    throw new RangeError(`no virtio device ${index}`);
  }
  return {
    index,
    spec,
    notifyFds: events.notify.map(({ descriptor }) => descriptor.number),
    interruptFd: events.interrupt.descriptor.number,
  };
}
