/**
 * The memory that a vCPU shares with KVM: `struct kvm_run` and the page of port data behind it. Reads exits from it, and
 * holds the byte that keeps a vCPU from running. The guest has no way to write here, but everything in it is the guest's
 * choice: lengths are cut to what is there.
 */
import {
  KVM_EXIT_FAIL_ENTRY,
  KVM_EXIT_HLT,
  KVM_EXIT_INTERNAL_ERROR,
  KVM_EXIT_INTR,
  KVM_EXIT_IO,
  KVM_EXIT_IO_OUT,
  KVM_EXIT_IRQ_WINDOW_OPEN,
  KVM_EXIT_MMIO,
  KVM_EXIT_SHUTDOWN,
  KVM_EXIT_SYSTEM_EVENT,
  KVM_INTERNAL_ERROR_DELIVERY_EV,
  KVM_INTERNAL_ERROR_EMULATION,
  KVM_INTERNAL_ERROR_SIMUL_EX,
  KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON,
  KVM_RUN_FAIL_ENTRY,
  KVM_RUN_HEAD,
  KVM_RUN_HW,
  KVM_RUN_INTERNAL,
  KVM_RUN_IO,
  KVM_RUN_MMIO,
  KVM_RUN_SYSTEM_EVENT,
  KVM_SYSTEM_EVENT_CRASH,
  KVM_SYSTEM_EVENT_RESET,
  KVM_SYSTEM_EVENT_SHUTDOWN,
} from "../abi/kvm.ts";
import type { MmioExit, PortExit, VcpuExit } from "./vcpu-exit.ts";

const MAX_MMIO_BYTES = 8;
/** The arrays of the exits that end a vCPU. */
const MAX_DATA_WORDS = 16;
const EMPTY = new Uint8Array(0);

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const HALT: VcpuExit = { kind: "halt" };
export const SHUTDOWN: VcpuExit = { kind: "shutdown" };
export const INTERRUPTED: VcpuExit = { kind: "interrupted" };

const EVENTS = new Map<number, "shutdown" | "reset" | "crash">([
  [KVM_SYSTEM_EVENT_SHUTDOWN, "shutdown"],
  [KVM_SYSTEM_EVENT_RESET, "reset"],
  [KVM_SYSTEM_EVENT_CRASH, "crash"],
]);

const CAUSES = new Map<number, string>([
  [KVM_INTERNAL_ERROR_EMULATION, "an instruction that KVM can't emulate"],
  [KVM_INTERNAL_ERROR_SIMUL_EX, "exceptions at the same time"],
  [KVM_INTERNAL_ERROR_DELIVERY_EV, "an exit while an event was delivered"],
  [KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON, "an exit that KVM does not know"],
]);

export class RunPage {
  readonly #bytes: Uint8Array;
  readonly #halves: Uint16Array;
  readonly #words: Uint32Array;
  readonly #view: DataView;
  readonly #mmioData: readonly Uint8Array[];
  /** By length; filled as they come, since a string instruction may have any. */
  readonly #portData: Uint8Array[] = [];
  #portDataOffset = 0;
  readonly #port: Mutable<PortExit> = {
    kind: "port",
    isWrite: false,
    port: 0,
    size: 0,
    count: 0,
    data: EMPTY,
  };
  readonly #mmio: Mutable<MmioExit> = { kind: "mmio", isWrite: false, address: 0, data: EMPTY };

  /** @param bytes what is mapped of the vCPU: KVM_GET_VCPU_MMAP_SIZE bytes at a page's start */
  constructor(bytes: Uint8Array) {
    const { buffer, byteOffset, byteLength } = bytes;
    this.#bytes = bytes;
    this.#halves = new Uint16Array(buffer, byteOffset, byteLength >> 1);
    this.#words = new Uint32Array(buffer, byteOffset, byteLength >> 2);
    this.#view = new DataView(buffer, byteOffset, byteLength);
    const at = KVM_RUN_MMIO.offsets.data;
    this.#mmioData = Array.from({ length: MAX_MMIO_BYTES + 1 }, (_, length) =>
      bytes.subarray(at, at + length),
    );
  }

  /**
   * As long as it is set, KVM_RUN returns EINTR before the guest runs on, with what the last exit was about completed
   * (api.rst, `immediate_exit`). Any thread may set it.
   */
  set mustExit(value: boolean) {
    Atomics.store(this.#bytes, KVM_RUN_HEAD.offsets.immediate_exit, value ? 1 : 0);
  }

  /** The exit that KVM_RUN has just returned with. */
  decode(): VcpuExit {
    const reason = this.#words[KVM_RUN_HEAD.offsets.exit_reason >> 2] ?? 0;
    switch (reason) {
      case KVM_EXIT_IO:
        return this.#decodePort();
      case KVM_EXIT_MMIO:
        return this.#decodeMmio();
      case KVM_EXIT_HLT:
        return HALT;
      case KVM_EXIT_INTR:
      case KVM_EXIT_IRQ_WINDOW_OPEN:
        return INTERRUPTED;
      case KVM_EXIT_SHUTDOWN:
        return SHUTDOWN;
      default:
        return this.#decodeRare(reason);
    }
  }

  #decodePort(): VcpuExit {
    const { direction, size, port, count, data_offset } = KVM_RUN_IO.offsets;
    const exit = this.#port;
    exit.isWrite = this.#bytes[direction] === KVM_EXIT_IO_OUT;
    exit.size = this.#bytes[size] ?? 0;
    exit.port = this.#halves[port >> 1] ?? 0;
    exit.count = this.#words[count >> 2] ?? 0;
    exit.data = this.#portBytes(this.#words[data_offset >> 2] ?? 0, exit.size * exit.count);
    return exit;
  }

  /** KVM has the data always at the same place, so that the views last. */
  #portBytes(offset: number, length: number): Uint8Array {
    if (offset !== this.#portDataOffset) {
      this.#portDataOffset = offset;
      this.#portData.length = 0;
    }
    const known = this.#portData[length];
    if (known !== undefined) {
      return known;
    }
    const data = this.#bytes.subarray(offset, offset + length);
    if (data.length === length) {
      this.#portData[length] = data;
    }
    return data;
  }

  #decodeMmio(): VcpuExit {
    const { phys_addr, len, is_write } = KVM_RUN_MMIO.offsets;
    const words = this.#words;
    const exit = this.#mmio;
    exit.isWrite = this.#bytes[is_write] !== 0;
    // Physical addresses have at most 52 bits, so that the sum is exact.
    exit.address = (words[(phys_addr >> 2) + 1] ?? 0) * 2 ** 32 + (words[phys_addr >> 2] ?? 0);
    exit.data = this.#mmioData[Math.min(words[len >> 2] ?? 0, MAX_MMIO_BYTES)] ?? EMPTY;
    return exit;
  }

  #decodeRare(reason: number): VcpuExit {
    const view = this.#view;
    switch (reason) {
      case KVM_EXIT_SYSTEM_EVENT: {
        const type = KVM_RUN_SYSTEM_EVENT.read(view, "type");
        const count = KVM_RUN_SYSTEM_EVENT.read(view, "ndata");
        const data = this.#dataWords(KVM_RUN_SYSTEM_EVENT.offsets.data, count);
        return { kind: "system-event", type, event: EVENTS.get(type) ?? "other", data };
      }
      case KVM_EXIT_INTERNAL_ERROR: {
        const suberror = KVM_RUN_INTERNAL.read(view, "suberror");
        const count = KVM_RUN_INTERNAL.read(view, "ndata");
        const data = this.#dataWords(KVM_RUN_INTERNAL.offsets.data, count);
        const cause = CAUSES.get(suberror) ?? `suberror ${suberror}`;
        return { kind: "internal-error", suberror, cause, data };
      }
      case KVM_EXIT_FAIL_ENTRY: {
        const hardwareReason = KVM_RUN_FAIL_ENTRY.read(view, "hardware_entry_failure_reason");
        const cpu = KVM_RUN_FAIL_ENTRY.read(view, "cpu");
        return { kind: "fail-entry", reason: hardwareReason, cpu };
      }
      default: {
        const hardwareReason = KVM_RUN_HW.read(view, "hardware_exit_reason");
        return { kind: "unexpected", reason, hardwareReason };
      }
    }
  }

  #dataWords(offset: number, count: number): bigint[] {
    return Array.from({ length: Math.min(count, MAX_DATA_WORDS) }, (_, i) =>
      this.#view.getBigUint64(offset + i * 8, true),
    );
  }
}
