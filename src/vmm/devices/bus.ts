/**
 * A bus of devices: which one answers at an address of the guest's, for MMIO and for ports alike. Windows do not
 * overlap, and an access that no window holds whole reaches no device.
 */

export interface BusDevice {
  /** @param offset within the device's window @param data filled with the answer; its length is 1, 2, 4 or 8 */
  read(offset: number, data: Uint8Array): void;
  /** @param offset within the device's window @param data what was written; its length is 1, 2, 4 or 8 */
  write(offset: number, data: Uint8Array): void;
}

export interface InterruptLine {
  /** Raises an edge (irqfd). */
  trigger(): void;
}

interface Window {
  readonly start: number;
  readonly end: number;
  readonly device: BusDevice;
}

/** What a bus reads as where nobody drives it. */
const FLOATING = 0xff;

export class Bus {
  readonly #name: string;
  /** In the order of their addresses. */
  #windows: Window[] = [];

  /** @param name for errors: `mmio`, `pio` */
  constructor(name: string) {
    this.#name = name;
  }

  /** @throws {RangeError} where the window overlaps another, is empty, or reaches beyond 2^52 */
  add(start: number, length: number, device: BusDevice): void {
    const end = start + length;
    if (!Number.isSafeInteger(start) || start < 0 || !(length > 0) || !(end <= 2 ** 52)) {
      throw new RangeError(`${this.#name}: no window of ${length} bytes at ${start}`);
    }
    const other = this.#windows.find((window) => start < window.end && window.start < end);
    if (other !== undefined) {
      const [ours, theirs] = [start, other.start].map((address) => `0x${address.toString(16)}`);
      throw new RangeError(`${this.#name}: the window at ${ours} overlaps the one at ${theirs}`);
    }
    const window = { start, end, device };
    this.#windows = [...this.#windows, window].toSorted((a, b) => a.start - b.start);
  }

  /** The window that holds the whole access. */
  #find(address: number, length: number): Window | undefined {
    let low = 0;
    let high = this.#windows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const window = this.#windows[middle];
      if (window === undefined || address < window.start) {
        high = middle;
      } else if (address >= window.end) {
        low = middle + 1;
      } else {
        return address + length <= window.end ? window : undefined;
      }
    }
    return undefined;
  }

  /** Reads from the device at an address; ones where there is none. @returns whether there is one */
  read(address: number, data: Uint8Array): boolean {
    const window = this.#find(address, data.length);
    if (window === undefined) {
      data.fill(FLOATING);
      return false;
    }
    window.device.read(address - window.start, data);
    return true;
  }

  /** Writes to the device at an address; lost where there is none. @returns whether there is one */
  write(address: number, data: Uint8Array): boolean {
    const window = this.#find(address, data.length);
    window?.device.write(address - window.start, data);
    return window !== undefined;
  }
}
