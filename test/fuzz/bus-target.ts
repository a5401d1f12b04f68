/** The devices of a PC under accesses of all widths at all places, as a guest in ring 0 can make them. */
import { Bus } from "../../src/vmm/devices/bus.ts";
import { AcpiPower, I8042Reset } from "../../src/vmm/devices/power.ts";
import { Rtc } from "../../src/vmm/devices/rtc.ts";
import { Serial } from "../../src/vmm/devices/serial.ts";
import {
  ACPI_POWER_PORTS,
  I8042_COMMAND_PORTS,
  RTC_PORTS,
  SERIAL_PORTS,
} from "../../src/vmm/memory-map.ts";
import { randomFrom } from "../harness/random.ts";
import type { FuzzTarget } from "./target.ts";

const RANGES = [SERIAL_PORTS, RTC_PORTS, ACPI_POWER_PORTS, I8042_COMMAND_PORTS];
const WIDTHS = [1, 1, 1, 2, 4, 8];

export const BUS_TARGET: FuzzTarget = {
  summary: "ports of serial line, clock, power and keyboard controller",
  run(count, seed) {
    const random = randomFrom(seed);
    const counts = { answered: 0, floating: 0, ends: 0, sent: 0 };
    const quiet = { trigger: () => undefined };
    const ended = () => void counts.ends++;
    const serial = new Serial({
      ...{ interrupt: quiet, inputWanted: () => undefined },
      output: () => void counts.sent++,
    });
    const bus = new Bus("pio");
    bus.add(SERIAL_PORTS.port, SERIAL_PORTS.count, serial);
    bus.add(RTC_PORTS.port, RTC_PORTS.count, new Rtc());
    bus.add(ACPI_POWER_PORTS.port, ACPI_POWER_PORTS.count, new AcpiPower(quiet, ended));
    bus.add(I8042_COMMAND_PORTS.port, I8042_COMMAND_PORTS.count, new I8042Reset(ended));
    for (let i = 0; i < count; i++) {
      const { port, count: ports } = RANGES[random(RANGES.length)]!;
      const at = random(50) === 0 ? random(0x1_0000) : port + random(ports + 2) - 1;
      const data = new Uint8Array(WIDTHS[random(WIDTHS.length)]!).map(() => random(256));
      try {
        if (random(8) === 0) {
          serial.feed(data);
        }
        const isAnswered = random(2) === 0 ? bus.read(at, data) : bus.write(at, data);
        counts[isAnswered ? "answered" : "floating"] += 1;
        serial.plainStatus satisfies number;
      } catch (error) {
        throw new Error(`seed ${seed}, access ${i} at ${at}: ${(error as Error).stack}`);
      }
    }
    return counts;
  },
};
