/** The devices of a PC that every machine has: serial port, clock, and the registers by which a guest ends itself. */
import { EventFd } from "../../kernel/sys/event-fd.ts";
import type { Bus } from "../devices/bus.ts";
import { AcpiPower, I8042Reset, type PowerEvent } from "../devices/power.ts";
import { Rtc } from "../devices/rtc.ts";
import { ACPI_POWER_PORTS, I8042_COMMAND_PORTS, RTC_PORTS, SERIAL_PORTS } from "../memory-map.ts";
import type { VmEnd } from "../protocol/messages.ts";
import { StateError } from "../virtio/state.ts";
import type { LoopSource } from "./device-loop.ts";
import type { Reports } from "./reports.ts";
import { SerialLine } from "./serial-line.ts";
import type { PlatformWork } from "./thread-work.ts";

const ENDS: Readonly<Record<PowerEvent, VmEnd>> = {
  off: { kind: "off", message: "the guest turned itself off" },
  reset: { kind: "reset", message: "the guest reset itself" },
};

interface PlatformState {
  readonly serial: unknown;
  readonly rtc: unknown;
}

function lineOf(fd: number) {
  const event = EventFd.attach(fd);
  return { trigger: () => event.signal() };
}

export class PlatformDevices {
  readonly #line: SerialLine;
  readonly #rtc = new Rtc();
  readonly #power: AcpiPower;
  readonly #reset: I8042Reset;

  constructor(work: PlatformWork, reports: Reports) {
    const ended = (event: PowerEvent): void => reports.end(ENDS[event]);
    this.#line = new SerialLine({
      interrupt: lineOf(work.serialInterruptFd),
      inputFd: work.serialInputFd,
      outputFd: work.serialOutputFd,
      onLost: (bytes) =>
        reports.log({ level: "warn", message: "serial output was lost", fields: { bytes } }),
    });
    this.#power = new AcpiPower(lineOf(work.buttonInterruptFd), ended);
    this.#reset = new I8042Reset(ended);
  }

  /** As `AccessMailbox.serialStatus` has it. */
  get serialStatus(): number {
    return this.#line.serial.plainStatus;
  }

  addTo(ports: Bus, loop: { add(source: LoopSource): void }): void {
    ports.add(SERIAL_PORTS.port, SERIAL_PORTS.count, this.#line.serial);
    ports.add(RTC_PORTS.port, RTC_PORTS.count, this.#rtc);
    ports.add(ACPI_POWER_PORTS.port, ACPI_POWER_PORTS.count, this.#power);
    ports.add(I8042_COMMAND_PORTS.port, I8042_COMMAND_PORTS.count, this.#reset);
    loop.add(this.#line);
  }

  /** Writes what the guest has sent and nobody has got yet. */
  flush(): void {
    this.#line.flush();
  }

  save(): PlatformState {
    return { serial: this.#line.serial.save(), rtc: this.#rtc.save() };
  }

  /** @throws {StateError} */
  restore(state: unknown): void {
    if (typeof state !== "object" || state === null) {
      throw new StateError("the snapshot has no state of serial port and clock");
    }
    const { serial, rtc } = state as PlatformState;
    this.#line.serial.restore(serial);
    this.#rtc.restore(rtc);
  }
}
