/**
 * The devices of one thread, put together of what the main thread gave it: transports on their places of the bus, the
 * loop, and what each command does. Two Workers are made of it, which differ in the devices that they know.
 */
import { messageOf } from "../../base/errors.ts";
import { EventFd } from "../../kernel/sys/event-fd.ts";
import { bytesAt } from "../../kernel/sys/mapping.ts";
import { confineThread } from "../confinement/confine.ts";
import { Bus } from "../devices/bus.ts";
import { GuestMemory } from "../memory/guest-memory.ts";
import { virtioSlot } from "../memory-map.ts";
import type { VirtioDevice } from "../virtio/device.ts";
import { VirtioInterrupt } from "../virtio/interrupt.ts";
import { MmioTransport } from "../virtio/mmio.ts";
import { StateError } from "../virtio/state.ts";
import { AccessMailbox } from "./access-mailbox.ts";
import { CommandMailbox } from "./command-mailbox.ts";
import { DeviceLoop } from "./device-loop.ts";
import type { PlatformDevices } from "./platform-devices.ts";
import { Reports } from "./reports.ts";
import type { DeviceCommand, DeviceStatus, DeviceThreadWork, VirtioWork } from "./thread-work.ts";

/** A virtio device, and what of the commands is for it. */
export interface MadeDevice {
  readonly device: VirtioDevice;
  /** The terminal has another size. */
  readonly resize?: (columns: number, rows: number) => void;
  readonly setBalloon?: (bytes: number) => void;
  readonly balloonBytes?: () => number;
}

interface Placed extends MadeDevice {
  readonly index: number;
  readonly transport: MmioTransport;
  readonly interrupt: VirtioInterrupt;
}

/** What goes into a snapshot: of virtio devices by their indexes. */
interface ThreadState {
  readonly virtio: Readonly<Record<string, unknown>>;
  readonly platform?: unknown;
}

export interface ThreadParts {
  readonly virtio: readonly { readonly work: VirtioWork; readonly made: MadeDevice }[];
  readonly platform?: PlatformDevices;
}

export class DeviceThread {
  readonly #reports: Reports;
  readonly #access: AccessMailbox;
  readonly #commands: CommandMailbox<DeviceCommand>;
  readonly #loop: DeviceLoop<DeviceCommand>;
  readonly #ports = new Bus("pio");
  readonly #mmio = new Bus("mmio");
  readonly #placed: readonly Placed[];
  readonly #platform: PlatformDevices | undefined;
  readonly #kind: "devices" | "disks";

  constructor(work: DeviceThreadWork, parts: ThreadParts) {
    const doorbell = EventFd.attach(work.doorbellFd);
    this.#reports = new Reports(EventFd.attach(work.eventFd), work.reports);
    this.#access = new AccessMailbox(doorbell, work.access);
    this.#commands = new CommandMailbox<DeviceCommand>(doorbell, work.commands);
    this.#platform = parts.platform;
    this.#loop = new DeviceLoop({
      doorbellFd: work.doorbellFd,
      access: this.#access,
      commands: this.#commands,
      onAccess: (space, isWrite, address, data) => {
        const bus = space === "port" ? this.#ports : this.#mmio;
        if (isWrite) {
          bus.write(address, data);
        } else {
          bus.read(address, data);
        }
        if (space === "port") {
          this.#tellSerialStatus();
        }
      },
      onWork: () => this.#tellSerialStatus(),
      onCommand: (command) => this.#do(command),
    });
    const memory = new GuestMemory(
      work.memory.map(({ start, address, length }) => ({ start, bytes: bytesAt(address, length) })),
    );
    this.#platform?.addTo(this.#ports, this.#loop);
    this.#placed = parts.virtio.map(({ work: one, made }) => {
      const status = new Int32Array(work.interruptStatus, one.index * 4, 1);
      return this.#place(one, made, memory, status);
    });
    this.#kind = this.#platform === undefined ? "disks" : "devices";
  }

  #place(work: VirtioWork, made: MadeDevice, memory: GuestMemory, status: Int32Array): Placed {
    const line = EventFd.attach(work.interruptFd);
    const interrupt = new VirtioInterrupt({ trigger: () => line.signal() }, status);
    const transport = new MmioTransport({
      device: made.device,
      memory,
      interrupt,
      onNotify: (queue) => this.#loop.notify(transport, queue),
      onFault: (error) => {
        const fields = { device: made.device.name, index: work.index, error: messageOf(error) };
        this.#reports.log({ level: "warn", message: "a virtio device was stopped", fields });
      },
    });
    const { address, bytes } = virtioSlot(work.index);
    this.#mmio.add(address, bytes, transport);
    this.#loop.addQueues(transport, work.notifyFds);
    return { ...made, index: work.index, transport, interrupt };
  }

  /** Works until it is told to quit. What nobody foresaw ends the machine, and is told. */
  run(): void {
    try {
      this.#loop.run();
    } catch (error) {
      this.#reports.end({ kind: "failed", message: `the devices' thread: ${messageOf(error)}` });
      this.#commands.refuse(error);
    }
    // Whoever waits for an answer is not to wait for ever.
    this.#access.close();
  }

  /** Before anybody is answered who may have changed it. */
  #tellSerialStatus(): void {
    if (this.#platform !== undefined) {
      this.#access.serialStatus = this.#platform.serialStatus;
    }
  }

  #do(command: DeviceCommand): unknown {
    switch (command.do) {
      case "start":
        return undefined;
      case "confine":
        confineThread(this.#kind);
        return undefined;
      case "pause":
        this.#loop.pause();
        this.#platform?.flush();
        return undefined;
      case "resume":
        this.#loop.resume();
        return undefined;
      case "save":
        return this.#save();
      case "restore":
        this.#restore(command.state);
        return undefined;
      case "resize":
        this.#change((made) => made.resize?.bind(made), command.columns, command.rows);
        return undefined;
      case "balloon":
        this.#change((made) => made.setBalloon?.bind(made), command.bytes);
        return undefined;
      case "status":
        return this.#status();
      case "quit":
        this.#platform?.flush();
        this.#loop.end();
        return undefined;
    }
  }

  /** Has those devices that can, change, and tells their drivers. */
  #change<A extends readonly unknown[]>(
    of: (made: MadeDevice) => ((...words: A) => void) | undefined,
    ...words: A
  ): void {
    for (const placed of this.#placed) {
      const change = of(placed);
      if (change !== undefined) {
        change(...words);
        placed.transport.configChanged();
      }
    }
  }

  #status(): DeviceStatus {
    const bytes = this.#placed.flatMap((made) => made.balloonBytes?.() ?? []);
    return bytes[0] === undefined ? {} : { balloonBytes: bytes[0] };
  }

  #save(): ThreadState {
    const virtio = this.#placed.map(({ index, transport }) => [index, transport.save()] as const);
    const platform = this.#platform?.save();
    return {
      virtio: Object.fromEntries(virtio),
      ...(platform === undefined ? {} : { platform }),
    };
  }

  /** @throws {StateError} and what transports throw */
  #restore(state: unknown): void {
    const { virtio, platform } = (state ?? {}) as Partial<ThreadState>;
    if (typeof virtio !== "object" || virtio === null) {
      throw new StateError("the snapshot has no state of devices");
    }
    for (const { index, transport, interrupt } of this.#placed) {
      transport.restore(Object.hasOwn(virtio, index) ? virtio[index] : undefined);
      interrupt.retrigger();
      // What it is set up with may be another than it was: an address, a size.
      transport.configChanged();
    }
    this.#platform?.restore(platform);
    this.#tellSerialStatus();
  }
}
