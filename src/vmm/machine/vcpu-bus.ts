/**
 * What a processor's thread finds beside memory: the two interrupt registers of each virtio device and the status of the
 * serial port, which it answers by itself, and for all else the mailbox of the thread that has the device. What belongs to nobody reads as ones and takes
 * every write, as on a PC.
 */
import { EventFd } from "../../kernel/sys/event-fd.ts";
import type { GuestBus } from "../../kernel/kvm/vcpu-loop.ts";
import type { BusDevice } from "../devices/bus.ts";
import {
  ACPI_POWER_PORTS,
  I8042_COMMAND_PORTS,
  type PortRange,
  RTC_PORTS,
  SERIAL_PORTS,
  SERIAL_STATUS_PORT,
  VIRTIO_MMIO_ADDRESS,
  VIRTIO_MMIO_BYTES,
} from "../memory-map.ts";
import { InterruptRegisters, VirtioInterrupt } from "../virtio/interrupt.ts";
import { AccessMailbox } from "./access-mailbox.ts";
import type { VcpuThreadWork } from "./thread-work.ts";

const FLOATING = 0xff;
const PORTS = 0x1_0000;

/** The ports of the devices that every machine has. */
export const PLATFORM_PORTS: readonly PortRange[] = [
  SERIAL_PORTS,
  RTC_PORTS,
  I8042_COMMAND_PORTS,
  ACPI_POWER_PORTS,
];

/** Nobody is interrupted from here. */
const SILENT = { trigger: (): void => undefined };

class RemoteDevice implements BusDevice {
  readonly #mailbox: AccessMailbox;
  readonly #address: number;

  constructor(mailbox: AccessMailbox, address: number) {
    this.#mailbox = mailbox;
    this.#address = address;
  }

  read(offset: number, data: Uint8Array): void {
    this.#mailbox.read("mmio", this.#address + offset, data);
  }

  write(offset: number, data: Uint8Array): void {
    this.#mailbox.write("mmio", this.#address + offset, data);
  }
}

export class VcpuBus implements GuestBus {
  readonly #platform: AccessMailbox;
  readonly #virtio: readonly BusDevice[];
  /** 1 for each port that a device has. */
  readonly #ports = new Uint8Array(PORTS);

  /** @param mailboxes of the device threads */
  constructor(
    mailboxes: readonly AccessMailbox[],
    {
      platform,
      virtio,
      interruptStatus,
    }: Pick<VcpuThreadWork, "platform" | "virtio" | "interruptStatus">,
  ) {
    const mailboxOf = (at: number): AccessMailbox => {
      const mailbox = mailboxes[at];
      if (mailbox === undefined) {
        throw new RangeError(`no device thread ${at}`);
      }
      return mailbox;
    };
    this.#platform = mailboxOf(platform);
    this.#virtio = virtio.map((at, index) => {
      const status = new Int32Array(interruptStatus, index * Int32Array.BYTES_PER_ELEMENT, 1);
      const address = VIRTIO_MMIO_ADDRESS + index * VIRTIO_MMIO_BYTES;
      const rest = new RemoteDevice(mailboxOf(at), address);
      return new InterruptRegisters(new VirtioInterrupt(SILENT, status), rest);
    });
    for (const { port, count } of PLATFORM_PORTS) {
      this.#ports.fill(1, port, port + count);
    }
  }

  static of(work: VcpuThreadWork): VcpuBus {
    const mailboxes = work.mailboxes.map(
      ({ memory, doorbellFd }) => new AccessMailbox(EventFd.attach(doorbellFd), memory),
    );
    return new VcpuBus(mailboxes, work);
  }

  readPort(port: number, data: Uint8Array): void {
    if (port === SERIAL_STATUS_PORT && data.length === 1) {
      const status = this.#platform.serialStatus;
      if (status !== 0) {
        data[0] = status;
        return;
      }
    }
    if (this.#ports[port] === 1) {
      this.#platform.read("port", port, data);
    } else {
      data.fill(FLOATING);
    }
  }

  writePort(port: number, data: Uint8Array): void {
    if (
      port === SERIAL_PORTS.port &&
      data.length === 1 &&
      this.#platform.postSerial(data[0] ?? 0)
    ) {
      return;
    }
    if (this.#ports[port] === 1) {
      this.#platform.write("port", port, data);
    }
  }

  readMemory(address: number, data: Uint8Array): void {
    const device = this.#deviceAt(address, data.length);
    if (device === undefined) {
      data.fill(FLOATING);
    } else {
      device.read((address - VIRTIO_MMIO_ADDRESS) % VIRTIO_MMIO_BYTES, data);
    }
  }

  writeMemory(address: number, data: Uint8Array): void {
    this.#deviceAt(address, data.length)?.write(
      (address - VIRTIO_MMIO_ADDRESS) % VIRTIO_MMIO_BYTES,
      data,
    );
  }

  /** The device whose window holds the whole access. */
  #deviceAt(address: number, length: number): BusDevice | undefined {
    const at = address - VIRTIO_MMIO_ADDRESS;
    if (at < 0 || (at % VIRTIO_MMIO_BYTES) + length > VIRTIO_MMIO_BYTES) {
      return undefined;
    }
    return this.#virtio[Math.floor(at / VIRTIO_MMIO_BYTES)];
  }
}
