/** Listens to every power button of the machine: a press calls back, a release or any other key does not. */
import { messageOf } from "../base/errors.ts";
import { log } from "../base/log.ts";
import { isPress, type KeyDevice, keyDevices } from "../kernel/input/key-device.ts";
import { KEY_POWER } from "../kernel/abi/input.ts";

export class PowerButton implements Disposable {
  readonly #devices: readonly KeyDevice[];

  /** Starts listening. A machine without a power button, or without /dev/input, is fine. */
  constructor(onPress: () => void) {
    this.#devices = keyDevices(KEY_POWER);
    for (const device of this.#devices) {
      this.#listen(device, onPress).catch((error) => {
        log.warn("stopped listening to a power button", { error: messageOf(error) });
      });
    }
  }

  /** How many there are. */
  get count(): number {
    return this.#devices.length;
  }

  async #listen(device: KeyDevice, onPress: () => void): Promise<void> {
    for await (const event of device.events()) {
      if (isPress(event, KEY_POWER)) {
        log.info("the power button was pressed", { device: device.path });
        onPress();
      }
    }
  }

  [Symbol.dispose](): void {
    for (const device of this.#devices) {
      device[Symbol.dispose]();
    }
  }
}
