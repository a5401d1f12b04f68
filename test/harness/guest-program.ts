/**
 * Kernels of a few instructions, put together step by step: 64-bit code that runs where the 64-bit boot protocol begins,
 * with the first 4 GiB mapped as they are. They say things over the serial port, and drive virtio devices.
 */
import * as V from "../../src/kernel/abi/virtio.ts";
import { PT_LOAD } from "../../src/vmm/boot/elf-headers.ts";
import { virtioSlot } from "../../src/vmm/memory-map.ts";
import { elfFile, MIB } from "./boot-images.ts";

const ADDRESS = 2 * MIB;
const OUT = 0xee;
const IN = 0xec;
const DRIVER_OK =
  V.VIRTIO_CONFIG_S_ACKNOWLEDGE | V.VIRTIO_CONFIG_S_DRIVER | V.VIRTIO_CONFIG_S_FEATURES_OK;

const word = (value: number): number[] => [...new Uint8Array(Uint32Array.of(value >>> 0).buffer)];

/** A buffer of guest memory in a queue. */
export interface ProgramBuffer {
  readonly address: number;
  readonly length: number;
  readonly isWritable: boolean;
}

/** Where the rings of the n-th queue of a program are: out of the way of its code. */
const ringsOf = (at: number) => {
  const base = 4 * MIB + at * 0x3000;
  return { descriptors: base, available: base + 0x1000, used: base + 0x2000 };
};

export class GuestProgram {
  readonly #code: number[] = [];
  #queues = 0;

  add(...bytes: readonly number[]): this {
    this.#code.push(...bytes);
    return this;
  }

  /** Sends text over the serial port. */
  say(text: string): this {
    this.add(0xba, ...word(0x3f8)); // mov $0x3f8, %edx
    for (const byte of new TextEncoder().encode(text)) {
      this.add(0xb0, byte, OUT); // mov $byte, %al; out %al, %dx
    }
    return this;
  }

  /** Sends a byte of memory over the serial port. */
  sayByteAt(address: number): this {
    return this.add(0xbf, ...word(address), 0x8a, 0x07, 0xba, ...word(0x3f8), OUT); // mov (%rdi), %al
  }

  /** Sends a byte of memory as two letters, `A` for 0 to `P` for 15. */
  sayLettersAt(address: number): this {
    this.add(0xbf, ...word(address), 0xba, ...word(0x3f8));
    this.add(0x8a, 0x07, 0xc0, 0xe8, 4, 0x04, 0x41, OUT); // mov (%rdi), %al; shr $4, %al; add $'A', %al; out
    return this.add(0x8a, 0x07, 0x24, 0x0f, 0x04, 0x41, OUT); // mov (%rdi), %al; and $15, %al; add $'A', %al; out
  }

  /** Sends, as a letter, which of the interrupts 0 to 3 the PIC has seen since the start: `A` for none, `I` for 3. */
  saySeenInterrupts(): this {
    this.add(0xba, ...word(0x20), 0xb0, 0x0a, OUT, IN); // OCW3: read the request register
    return this.add(0x24, 0x0f, 0x04, 0x41, 0xba, ...word(0x3f8), OUT);
  }

  /** Waits until the PIC has seen an interrupt, of 0 to 7. */
  awaitInterrupt(line: number): this {
    this.add(0xba, ...word(0x20), 0xb0, 0x0a, OUT);
    return this.add(IN, 0xa8, 1 << line, 0x74, 0xfb); // in; test $bit, %al; jz to the in
  }

  store(address: number, value: number): this {
    return this.add(0xbf, ...word(address), 0xc7, 0x07, ...word(value)); // movl $value, (%rdi)
  }

  /** Waits until a byte of memory has a value. */
  awaitByte(address: number, value: number): this {
    // pause; cmpb $value, (%rdi); jne to the pause
    return this.add(0xbf, ...word(address), 0xf3, 0x90, 0x80, 0x3f, value, 0x75, 0xf9);
  }

  /** Waits until a word of memory, or of a device, has a value. */
  awaitWord(address: number, value: number): this {
    return this.add(0xbf, ...word(address), 0xf3, 0x90, 0x81, 0x3f, ...word(value), 0x75, 0xf6);
  }

  /** Sets up one queue of a virtio device, and has the device start. @returns what `offer` needs */
  virtio(index: number, queue: number): number {
    const { address } = virtioSlot(index);
    const at = this.#queues++;
    const rings = ringsOf(at);
    const registers: readonly (readonly [number, number])[] = [
      [V.VIRTIO_MMIO_STATUS, 0],
      [V.VIRTIO_MMIO_STATUS, V.VIRTIO_CONFIG_S_ACKNOWLEDGE],
      [V.VIRTIO_MMIO_STATUS, V.VIRTIO_CONFIG_S_ACKNOWLEDGE | V.VIRTIO_CONFIG_S_DRIVER],
      [V.VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1],
      [V.VIRTIO_MMIO_DRIVER_FEATURES, 1 << (V.VIRTIO_F_VERSION_1 - 32)],
      [V.VIRTIO_MMIO_STATUS, DRIVER_OK],
      [V.VIRTIO_MMIO_QUEUE_SEL, queue],
      [V.VIRTIO_MMIO_QUEUE_NUM, 8],
      [V.VIRTIO_MMIO_QUEUE_DESC_LOW, rings.descriptors],
      [V.VIRTIO_MMIO_QUEUE_AVAIL_LOW, rings.available],
      [V.VIRTIO_MMIO_QUEUE_USED_LOW, rings.used],
      [V.VIRTIO_MMIO_QUEUE_READY, 1],
      [V.VIRTIO_MMIO_STATUS, DRIVER_OK | V.VIRTIO_CONFIG_S_DRIVER_OK],
    ];
    for (const [register, value] of registers) {
      this.store(address + register, value);
    }
    return at;
  }

  /** Puts one chain of buffers into a queue, the first that it has, tells the device, and waits for it to be used. */
  offer(index: number, queue: number, at: number, buffers: readonly ProgramBuffer[]): this {
    const rings = ringsOf(at);
    for (const [i, { address, length, isWritable }] of buffers.entries()) {
      const isLast = i === buffers.length - 1;
      const flags = (isLast ? 0 : V.VRING_DESC_F_NEXT) | (isWritable ? V.VRING_DESC_F_WRITE : 0);
      const descriptor = rings.descriptors + i * 16;
      this.store(descriptor, address)
        .store(descriptor + 4, 0)
        .store(descriptor + 8, length);
      this.store(descriptor + 12, flags | ((i + 1) << 16));
    }
    this.store(rings.available + 4, 0);
    this.store(rings.available, 1 << 16); // no flags, one entry
    this.store(virtioSlot(index).address + V.VIRTIO_MMIO_QUEUE_NOTIFY, queue);
    return this.awaitByte(rings.used + 2, 1);
  }

  /** Sends back what comes over the serial port, up to a byte. */
  echoUntil(last: string): this {
    const loop = [
      ...[0xba, ...word(0x3fd), IN, 0xa8, 0x01, 0x74, 0xf6], // mov $0x3fd, %edx; in; test $1, %al; jz to the mov
      ...[0xba, ...word(0x3f8), IN, OUT, 0x3c, last.charCodeAt(0)], // and so a byte comes and goes
    ];
    return this.add(...loop, 0x75, -(loop.length + 2) & 0xff);
  }

  /** Sends one byte for ever. */
  sayForever(text: string): this {
    this.say(text);
    return this.add(OUT, 0xeb, 0xfd);
  }

  /** Does something again and again. */
  forever(body: (program: this) => void): this {
    const start = this.#code.length;
    body(this);
    return this.add(0xe9, ...word(start - this.#code.length - 5)); // jmp
  }

  /** Has a device stopped: its queue is to have no entries. */
  breakVirtio(index: number): this {
    const { address } = virtioSlot(index);
    const registers: readonly (readonly [number, number])[] = [
      [V.VIRTIO_MMIO_STATUS, 0],
      [V.VIRTIO_MMIO_STATUS, V.VIRTIO_CONFIG_S_ACKNOWLEDGE | V.VIRTIO_CONFIG_S_DRIVER],
      [V.VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1],
      [V.VIRTIO_MMIO_DRIVER_FEATURES, 1 << (V.VIRTIO_F_VERSION_1 - 32)],
      [V.VIRTIO_MMIO_STATUS, DRIVER_OK],
      [V.VIRTIO_MMIO_QUEUE_NUM, 0],
      [V.VIRTIO_MMIO_QUEUE_READY, 1],
    ];
    for (const [register, value] of registers) {
      this.store(address + register, value);
    }
    return this;
  }

  /** Does nothing for ever, without an exit. */
  spin(): this {
    return this.add(0xeb, 0xfe);
  }

  turnOff(): this {
    return this.add(0x66, 0xba, 0x00, 0x06, 0xb0, 0x34, OUT, 0xf4); // mov $0x600, %dx; mov $0x34, %al; out; hlt
  }

  /** By the keyboard controller. */
  reset(): this {
    return this.add(0xb0, 0xfe, 0xe6, 0x64, 0xf4); // mov $0xfe, %al; out %al, $0x64; hlt
  }

  /** There is no table of interrupts. */
  tripleFault(): this {
    return this.add(0x0f, 0x0b); // ud2
  }

  /** The kernel's file. */
  get elf(): Uint8Array {
    const bytes = new Uint8Array(this.#code);
    return elfFile(ADDRESS, [{ type: PT_LOAD, physicalAddress: ADDRESS, bytes }]);
  }
}
